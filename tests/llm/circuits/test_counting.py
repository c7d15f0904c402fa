"""What failures say about a provider."""

from __future__ import annotations

from typing import get_args

import pytest

from app.errors import FailureClass, Payer
from app.llm.circuits.counting import Verdict, verdict

KEY_CLASSES: tuple[FailureClass, ...] = ("auth", "permission", "quota", "rate_limited")


@pytest.mark.parametrize("payer", get_args(Payer))
@pytest.mark.parametrize("failure_class", get_args(FailureClass))
def test_every_class_of_failure_has_a_verdict(failure_class: FailureClass, payer: Payer) -> None:
    assert verdict(failure_class, payer) in get_args(Verdict)


@pytest.mark.parametrize("failure_class", KEY_CLASSES)
def test_R9_what_a_users_key_is_refused_says_nothing_about_the_provider(failure_class: FailureClass) -> None:
    assert verdict(failure_class, "user") == "released"
    assert verdict(failure_class, "platform") == "failed"


@pytest.mark.parametrize("payer", get_args(Payer))
def test_a_request_that_was_judged_shows_that_the_provider_is_alive(payer: Payer) -> None:
    assert verdict("invalid_request", payer) == "succeeded"
    assert verdict("overloaded", payer) == verdict("connection", payer) == "failed"
    assert verdict("cancelled", payer) == verdict("unknown", payer) == "released"
