"""From an exception, whoever raised it, to its failure class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import KeyRejected, ModelCallFailed
from app.llm.failures import tables
from app.llm.failures.answers import RefusedAnswer
from app.llm.failures.facts import codes_of, facts_of, quoted
from app.llm.failures.meaning import REASON_BY_CLASS, Failure
from app.llm.failures.redaction import safe_word
from app.llm.failures.request_ids import REQUEST_IDS
from app.llm.failures.shapes import by_shape
from app.llm.failures.types import BY_TYPE, GUESSED_TYPES, READING
from app.llm.failures.waits import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.errors import FailureClass, KeyReason
    from app.llm.failures.facts import Facts

PAYMENT_REQUIRED = 402


@dataclass(frozen=True, slots=True)
class Verdict:
    """A failure class and how it was found: by which code, or only by the text of a message."""

    failure_class: FailureClass
    code: str | None = None
    guessed: bool = False
    money: bool = False


def classify(error: BaseException, *, answered: bool = False, secret: str | None = None) -> Failure:
    """Return what an exception means by code, status and type; its text is a last guess, and marked (R12).

    `answered`: a request has left, so what can't be read is the answer and not the request. `secret` is the
    key in use: a code or request id that holds it is dropped.
    """
    if isinstance(error, ModelCallFailed):
        return _as_before(error)
    if isinstance(error, RefusedAnswer):
        return Failure(error.failure_class, code=safe_word(error.code, secret))
    facts = facts_of(error)
    verdict = _verdict(facts)
    if verdict.failure_class == "unknown" and answered and isinstance(error, READING):
        verdict = Verdict("malformed_response")
    words = [verdict.code, *codes_of(facts.error)] if verdict.code else codes_of(facts.error)
    return Failure(
        verdict.failure_class,
        status=facts.status,
        code=_first_safe(words, secret),
        retry_after_s=retry_after_s(facts, limited=verdict.failure_class == "rate_limited"),
        request_id=_request_id(facts, secret),
        guessed=verdict.guessed,
        reason=_reason(verdict, facts.status),
    )


def _as_before(error: ModelCallFailed) -> Failure:
    return Failure(
        error.failure_class,
        error.status,
        error.code,
        error.retry_after_s,
        error.request_id,
        error.guessed,
        error.reason if isinstance(error, KeyRejected) else None,
    )


def _verdict(facts: Facts) -> Verdict:
    for found in (_by_code(facts), _by_status(facts), _by_kind(facts), _by_type(facts)):
        if found is not None:
            return found
    return _by_text(facts, tables.SPOKEN) or Verdict("unknown")


def _by_code(facts: Facts) -> Verdict | None:
    shape = by_shape(facts.error)
    if shape is not None:
        return Verdict(shape)
    for code in codes_of(facts.error):
        known = tables.BY_CODE.get(code.lower())
        if known is not None:
            return Verdict(known, code)
    for code in codes_of(quoted(facts.error)):
        known = tables.BY_CODE.get(code.lower())
        if known in tables.ABOUT_THE_REQUEST:
            return Verdict(known, code)
    return None


def _by_status(facts: Facts) -> Verdict | None:
    status = facts.status
    if status is None or status < tables.REDIRECTS:
        return None if status in {None, 200} else Verdict("malformed_response")
    others: FailureClass = "overloaded" if status >= tables.SERVER_ERRORS else "invalid_request"
    found = Verdict(tables.BY_STATUS.get(status, others))
    if status != tables.CLIENT_ERRORS:
        return found
    return _by_text(facts, tables.SPOKEN_OF_A_400) or found


def _by_kind(facts: Facts) -> Verdict | None:
    for code in codes_of(facts.error):
        known = tables.BY_KIND.get(code.lower())
        if known is not None:
            return Verdict(known, code)
    return None


def _by_type(facts: Facts) -> Verdict | None:
    for one in facts.chain:
        for base in type(one).__mro__:
            package = base.__module__.partition(".")[0]
            known = BY_TYPE.get(base.__name__) or BY_TYPE.get(f"{package}.{base.__name__}")
            if known is not None:
                return Verdict(known, guessed=base.__name__ in GUESSED_TYPES)
    return None


def _by_text(facts: Facts, phrases: Iterable[tuple[str, FailureClass]]) -> Verdict | None:
    said, behind = facts.said, facts.said_behind
    for phrase, failure_class in phrases:
        if phrase in said or (phrase in behind and failure_class in tables.ABOUT_THE_REQUEST):
            return Verdict(failure_class, guessed=True, money=phrase in tables.SPOKEN_OF_MONEY)
    return None


def _reason(verdict: Verdict, status: int | None) -> KeyReason | None:
    reason = REASON_BY_CLASS.get(verdict.failure_class)
    of_money = verdict.money or (verdict.code or "").lower() in tables.BILLING
    if reason == "quota" and (of_money or (status == PAYMENT_REQUIRED and verdict.code is None)):
        return "billing"
    return reason


def _request_id(facts: Facts, secret: str | None) -> str | None:
    body = facts.body
    of_body = body.get("request_id") if isinstance(body, dict) else None
    values = [facts.headers.get(name) for name in REQUEST_IDS]
    return _first_safe((value for value in [*values, of_body] if isinstance(value, str)), secret)


def _first_safe(words: Iterable[str], secret: str | None) -> str | None:
    return next((safe for word in words if (safe := safe_word(word, secret))), None)
