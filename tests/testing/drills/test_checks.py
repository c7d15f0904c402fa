"""Checks: each policy that a call can break is seen, and a call that keeps them all is clean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage

from app.errors import ProviderUnavailable, StreamBroken
from app.llm.running.record import AttemptRecord, CallRecord
from app.testing.drills.calling import Result, Verdict
from app.testing.drills.checks import broken_in
from app.testing.drills.evidence import Evidence
from app.testing.drills.plays import Play
from app.testing.drills.stage import key_of
from app.testing.faults.asked import Asked, Wish
from app.testing.faults.server import Served
from app.testing.faults.speech import TEXT
from tests.testing.drills.subjects import FINE, group_of

if TYPE_CHECKING:
    from app.testing.drills.groups import Group

Step = tuple[int, str, str | None]
FEATURE = {"feature": "summary", "provider": "acme", "model": "swift", "payer": "platform"}


def evidence_of(
    group: Group, *steps: Step, play: Play = FINE, stream: bool = False, **result: Any
) -> Evidence:
    """Return the evidence of a call: its steps are (hop, fault that was served, class in the record)."""
    plan = group.plan
    record = CallRecord(plan, None, 0.0)
    served = []
    for number, fault, failure_class in steps:
        hop = plan.hops[number - 1]
        outcome: Any = "answered" if failure_class is None else "failed"
        known: Any = failure_class
        attempt = AttemptRecord(
            number,
            hop.route.provider,
            hop.route.model,
            hop.payer,
            outcome,
            known,
            requests=1,
        )
        record.attempts.append(attempt)
        protocol: Any = hop.spec.protocol
        asked = Asked(
            0.0, hop.route.provider, protocol, hop.spec.model, key_of(hop.provider, hop.payer), stream, Wish()
        )
        served.append(Served(asked, fault))
    answered = steps[-1][2] is None
    record.outcome = "answered" if answered else "failed"
    decision: dict[str, Any] = {"attempts": [one.to_dict() for one in record.attempts]}
    if answered:
        decision |= record.stamp(plan.hops[steps[-1][0] - 1]) | record.evidence()
    given = {"text": "".join(TEXT), "message": AIMessage("")} if answered else {"error": unavailable()}
    return Evidence(
        group, play, Result(**{**given, "decision": decision, **result}), tuple(served), 0, [record], 1.0
    )


def unavailable() -> ProviderUnavailable:
    return ProviderUnavailable(failure_class="overloaded", **FEATURE)  # type: ignore[arg-type]


def broken(partial: str) -> StreamBroken:
    return StreamBroken(partial=partial, broken_by="connection", **FEATURE)


OK = (1, "ok", None)
DOWN = (1, "unavailable", "overloaded")


def test_a_call_that_keeps_every_policy_is_clean() -> None:
    assert not list(broken_in(evidence_of(group_of("summary"), OK)))
    assert not list(broken_in(evidence_of(group_of("filing"), DOWN, DOWN, (2, "ok", None), parsed=verdict())))
    assert not list(broken_in(evidence_of(group_of("summary"), DOWN, DOWN)))
    moved = evidence_of(group_of("chat", "nova"), (1, "bad_key", "auth"), (2, "ok", None))
    assert not list(broken_in(moved))
    larger = ((1, "context_overflow", "context_length"), (2, "ok", None))
    assert not list(broken_in(evidence_of(group_of("filing"), *larger, parsed=verdict())))
    cut = evidence_of(
        group_of("chat"), (1, "cut", "stream_broken"), stream=True, error=broken(TEXT[0]), text=TEXT[0]
    )
    assert not list(broken_in(cut))


def verdict() -> Verdict:
    return Verdict(track="one", certain=True, because=[])


def test_too_many_attempts_and_too_much_time_are_seen() -> None:
    twice = evidence_of(group_of("guard"), DOWN, OK)
    assert list(broken_in(twice)) == ["2 attempts were made, and the plan has 1"]
    late = replace(evidence_of(group_of("agent"), DOWN, DOWN), elapsed_s=31.5)
    assert list(broken_in(late)) == ["it took 31.5 s, and the deadline is 30 s"]


def test_requests_that_nobody_recorded_are_seen() -> None:
    clean = evidence_of(group_of("summary"), OK)
    more = replace(clean, served=clean.served * 2)
    assert list(broken_in(more)) == ["acme saw 2 requests, and the record has 1"]
    assert list(broken_in(replace(clean, strays=1))) == ["1 requests asked for something else than an answer"]


def test_where_nobody_listens_no_request_is_missed() -> None:
    refused = evidence_of(
        group_of("summary"), (1, "connect_refused", "connection"), play=Play("connect_refused")
    )
    assert not list(broken_in(replace(refused, served=())))
    assert list(broken_in(replace(refused, served=(), play=FINE)))


def test_a_key_away_from_home_is_seen() -> None:
    clean = evidence_of(group_of("summary"), OK)
    asked = replace(clean.served[0].asked, key="drill-platforms-NOVA_API_KEY")
    assert list(broken_in(replace(clean, served=(Served(asked, "ok"),)))) == [
        "acme was shown a key that isn't its own",
        "a request at acme was on another bill than the platform's",
    ]
    lost = replace(clean.served[0].asked, provider="lumen")
    away = replace(clean, served=(Served(lost, "ok"),))
    assert "lumen was asked, and is no hop of the plan" in list(broken_in(away))


def test_a_bill_that_moves_without_leave_is_seen() -> None:
    group = group_of("chat", "nova")
    moved = evidence_of(group, (1, "unavailable", "overloaded"), (2, "ok", None))
    assert list(broken_in(moved)) == ["the bill moved to the platform after overloaded"]
    back = evidence_of(group, (2, "unavailable", "overloaded"), (1, "ok", None))
    assert list(broken_in(back)) == [
        "the bill moved from the platform to the user",
        "the call went back from hop 2 to hop 1",
    ]


@pytest.mark.parametrize(
    ("feature", "keys", "steps", "problem"),
    [
        ("filing", (), ((1, "invalid_request", "invalid_request"), (2, "ok", None)),
         "another attempt was made after invalid_request, which is the call's end"),
        ("filing", (), ((1, "bad_key", "auth"), (1, "ok", None)),
         "the same hop was asked again after auth, which says 'next'"),
        ("filing", (), ((2, "context_overflow", "context_length"), (3, "ok", None)),
         "a hop whose window isn't known to be larger was asked after context_length"),
        ("filing", ("acme",), ((1, "bad_key", "auth"), (1, "ok", None)),
         "the user's key was refused (auth), and another attempt was made on the user's bill"),
    ],
)  # fmt: skip
def test_attempts_that_the_table_does_not_allow_are_seen(
    feature: str, keys: tuple[str, ...], steps: tuple[Any, ...], problem: str
) -> None:
    assert list(broken_in(evidence_of(group_of(feature, *keys), *steps, parsed=verdict()))) == [problem]


def test_a_fault_that_is_taken_for_another_is_seen() -> None:
    wrong = evidence_of(group_of("summary"), (1, "bad_key", "overloaded"), OK)
    assert list(broken_in(wrong)) == ["bad_key at acme was taken for overloaded"]
    own = evidence_of(group_of("summary"), (1, "ok", "timeout"), OK)
    assert list(broken_in(own)) == ["ok at acme was taken for timeout"]


def test_coming_back_before_the_time_that_was_asked_for_is_seen() -> None:
    limited = (1, "rate_limited_seconds", "rate_limited")
    hasty = evidence_of(group_of("summary"), limited, OK)
    assert list(broken_in(hasty)) == ["acme asked for 2 s, and was asked again after 0.0 s"]
    first, second = hasty.served
    waited = second._replace(asked=replace(second.asked, at_s=2.1))
    assert not list(broken_in(replace(hasty, served=(first, waited))))
    elsewhere = evidence_of(group_of("filing"), limited, (2, "ok", None), parsed=verdict())
    assert not list(broken_in(elsewhere))


def test_what_is_no_answer_is_seen() -> None:
    fault = evidence_of(group_of("summary"), (1, "empty_body", None))
    assert list(broken_in(fault)) == ["empty_body was taken for an answer"]
    other = evidence_of(group_of("summary"), OK, text="Every")
    assert list(broken_in(other)) == [f"the answer is 'Every', and the server said {''.join(TEXT)!r}"]
    assert list(broken_in(evidence_of(group_of("filing"), OK))) == ["the answer isn't of the schema"]
    assert list(broken_in(evidence_of(group_of("agent"), OK))) == ["the tool that must be called wasn't"]
    unasked = replace(evidence_of(group_of("summary"), OK), served=())
    assert "there is an answer, and no server has given one" in list(broken_in(unasked))


def test_arguments_that_a_protocol_cannot_break_may_be_taken() -> None:
    call = {"name": "set_points", "args": {}, "id": "1"}
    message = AIMessage("", tool_calls=[call])
    taken = evidence_of(group_of("agent"), (1, "bad_tool_arguments", None), message=message)
    assert not list(broken_in(taken))


def test_a_stream_that_breaks_has_to_raise_with_what_had_arrived() -> None:
    group = group_of("chat")
    step = (1, "cut", "stream_broken")
    assert list(broken_in(evidence_of(group, step, stream=True))) == [
        "the stream broke (cut), and the call ended with ProviderUnavailable"
    ]
    torn = evidence_of(group, step, stream=True, error=broken("Ev"), text=TEXT[0])
    assert list(broken_in(torn)) == ["the error doesn't carry the text that had arrived"]
    again = evidence_of(group, step, step, stream=True, error=broken(TEXT[0]), text=TEXT[0])
    assert list(broken_in(again)) == ["a request was made after content had been handed on"]


def test_an_error_that_is_not_ours_is_seen() -> None:
    raw = evidence_of(group_of("summary"), DOWN, DOWN, error=KeyError("x"))
    assert list(broken_in(raw)) == ["builtins.KeyError reached the caller"]


def test_a_record_that_is_not_whole_is_seen() -> None:
    clean = evidence_of(group_of("summary"), OK)
    assert "the call has 0 records" in list(broken_in(replace(clean, records=[])))
    told = dict(clean.result.decision)
    del told["hop"], told["plan"]
    lacking = evidence_of(group_of("summary"), OK, decision=told)
    assert list(broken_in(lacking)) == ["the record on the answer lacks hop, plan"]
    short = evidence_of(group_of("summary"), DOWN, DOWN, decision={"attempts": []})
    assert list(broken_in(short)) == ["the caller was told of 0 attempts, and 2 were made"]
    torn = evidence_of(group_of("summary"), DOWN, DOWN)
    torn.records[0].outcome = "answered"
    torn.records[0].attempts[0].failure_class = None
    assert list(broken_in(torn)) == [
        "the record says answered, and the call ended with ProviderUnavailable",
        "attempt 1 is recorded as failed, without its class",
    ]
