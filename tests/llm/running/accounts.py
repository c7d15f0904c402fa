"""Comparing what the servers saw with what the records say."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.llm.running.faulty import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.llm.running.record import AttemptRecord, CallRecord
    from tests.llm.running.errands import Errand, Office
    from tests.llm.running.faulty import CallId


def shown(attempt: AttemptRecord, errand: str) -> Request:
    """Return the request of an attempt, with the key that its payer has for this errand."""
    whose = f"user-{errand}" if attempt.payer == "user" else "platform"
    return Request(attempt.provider, attempt.model, f"{attempt.provider}-{whose}")


def recorded(records: Iterable[CallRecord]) -> dict[int, Counter[Request]]:
    """Return the requests that the attempts of each errand's calls say that they sent."""
    found: dict[int, Counter[Request]] = defaultdict(Counter)
    for record in records:
        assert record.user_id is not None
        for attempt in record.attempts:
            found[int(record.user_id)][shown(attempt, record.user_id)] += attempt.requests
    return {errand: +requests for errand, requests in found.items()}


def seen(requests: Mapping[CallId, Counter[Request]]) -> dict[int, Counter[Request]]:
    """Return the requests that the servers saw, by errand."""
    found: dict[int, Counter[Request]] = defaultdict(Counter)
    for call, of in list(requests.items()):
        found[call.errand] += of
    return dict(found)


def differences(office: Office, errands: Iterable[Errand]) -> list[str]:
    """Return the errands for which the servers saw anything but what is recorded."""
    ours, theirs = recorded(office.records), seen(office.providers.seen)
    return [
        f"{errand}: seen {theirs.get(errand.number)}, recorded {ours.get(errand.number)}"
        for errand in errands
        if ours.get(errand.number, Counter()) != theirs.get(errand.number, Counter())
    ]
