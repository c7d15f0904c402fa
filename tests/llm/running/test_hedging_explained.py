"""`explain` says when a second hop is asked beside the first one, or why it isn't now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.llm import RequestScope, UserEndpoint
from app.llm.running.hedging_outlook import outlook
from tests.llm.running.hedged import ADA, GEMINI, NEVER, OPENAI, hedged_at

NOWHERE = "http://127.0.0.1:1"
AT_MOST = "at most 50 % of calls"


def test_it_says_what_is_usual_of_answers_and_of_streams() -> None:
    with hedged_at((NOWHERE, NOWHERE)) as hedged:
        hedged.usually(1.2345)
        pace = "now 1.23 s, 20 samples"
        said = f"hedged to hop 2 after the recent p95 of hop 1 (answers: {pace}; streams: {pace}), {AT_MOST}"
        assert hedged.explained() == said
        assert f"\n  {said}\n" in str(hedged.container.llm_service().explain("chat")) + "\n"
        assert hedged.container.llm_service().explain("chat").to_dict()["hedge"] == said


@pytest.mark.parametrize(("streaming", "what"), [(False, ""), (True, "streams: ")])
def test_it_says_what_is_not_known_yet(streaming: bool, what: str) -> None:  # noqa: FBT001 - a case, not a switch
    with hedged_at((NOWHERE, NOWHERE)) as hedged:
        hedged.usually(1.0, samples=3, kinds=(streaming,))
        assert f"({what}not known yet, 3 of 20 samples)" in hedged.explained()


def test_it_says_what_holds_it_up_now() -> None:
    circuit = {"circuit": {"failures": 1}}
    with hedged_at((NOWHERE, NOWHERE), (OPENAI, GEMINI), {"two": circuit}) as hedged:
        hedged.usually(NEVER, saved=0)
        assert hedged.explained().endswith(f"{AT_MOST}; not now: the share isn't earned yet")
        hedged.usually(NEVER)
        assert hedged.explained().endswith(AT_MOST)
        hop = hedged.container.llm_service().plan("chat").hops[1]
        hedged.container.circuits().failed(hop.circuit, hop.circuit_row)
        assert hedged.explained().endswith(f"{AT_MOST}; not now: the circuit of hop 2 is open")


@pytest.mark.parametrize(
    ("scope", "row", "why"),
    [
        (ADA, {}, "the user's key pays, and hedge.on_user_key isn't true"),
        (
            RequestScope("ada", {"one": "ada-one-7Hq2"}),
            {"hedge": {"on_user_key": True}},
            "no later hop is on the user's bill",
        ),
        (
            RequestScope("ada", endpoint=UserEndpoint("https://ada.example/v1", "m", "ada-own-4Tj8")),
            {"hedge": {"on_user_key": True}},
            "how long a user's own endpoint takes is known for no two users together",
        ),
    ],
)
def test_it_says_why_it_never_is(scope: RequestScope, row: dict[str, Any], why: str) -> None:
    with hedged_at((NOWHERE, NOWHERE), **row) as hedged:
        assert hedged.explained(scope) == f"not hedged: {why}"


def test_of_a_feature_that_does_not_hedge_it_says_nothing() -> None:
    with hedged_at((NOWHERE, NOWHERE), hedge=None) as hedged:
        assert hedged.explained() is None
        assert "hedged" not in str(hedged.container.llm_service().explain("chat"))


def test_a_plan_with_one_attempt_has_none_to_spare() -> None:
    with hedged_at((NOWHERE, NOWHERE)) as hedged:
        plan = replace(hedged.container.llm_service().plan("chat"), attempts=1)
        said = outlook(plan, hedged.container.plan_runner())
        assert said == "not hedged: attempts = 1 leaves no second request"
