"""The error tree: drawn as it is, a status for each class, no internals for a client, and pickled whole."""

from __future__ import annotations

import copy
import pickle
import re
from typing import TYPE_CHECKING, Any, get_args

import pytest

import app.errors as tree
from app.errors import Original, PointsmanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.errors import KeyReason

CALL: dict[str, Any] = {
    "feature": "f",
    "provider": "acme",
    "model": "swift-1",
    "payer": "user",
    "status": 429,
    "code": "some_code",
    "retry_after_s": 2.5,
    "request_id": "req_1",
    "attempts": 2,
    "guessed": True,
    "original": Original("a.B", "", 429, ("c.py:1",), ("d.E",)),
}
FAILED = CALL | {"failure_class": "rate_limited"}

EXAMPLES: list[PointsmanError] = [
    tree.PointsmanError("m"),
    tree.ConfigurationError("m"),
    tree.CatalogError(["one", "two"]),
    tree.SettingsError("m"),
    tree.UnknownName("x", ["y"]),
    tree.UnknownFeature("x", ["y"]),
    tree.UnknownProfile("x", ["y"]),
    tree.UnknownProvider("x", ["y"]),
    tree.FeatureUnavailable("f", "premium", "no tools"),
    tree.MissingPlatformKey("acme", "ACME_API_KEY", "f"),
    tree.UnknownProtocol("x", ["y"]),
    tree.UnfitArgument("seed", "acme", "swift-1", "it has no such option"),
    tree.LocalModelMissing("m"),
    tree.ScopeError("m"),
    tree.InvalidUserKey("acme", "is blank"),
    tree.UnknownKeyProvider("acme", ["nova"]),
    tree.UserKeyMismatch("acme"),
    tree.UserKeyRequired("f", ["acme"]),
    tree.UserEndpointRefused("it is a private address"),
    tree.ForeignScope("f"),
    tree.EnrolmentUnavailable("m"),
    tree.InvalidBudget("m"),
    tree.ModelDetached("f"),
    tree.ResourceClosed("m"),
    tree.TransportRefused("m"),
    tree.RealRequestForbidden("m"),
    tree.ScriptExhausted("f", 1),
    tree.ModelCallFailed(**FAILED),
    tree.KeyRejected(reason="quota", **FAILED),
    tree.UserKeyRejected(reason="billing", **FAILED),
    tree.PlatformKeyRejected(reason="invalid", **FAILED),
    tree.RateLimited(**FAILED),
    tree.ProviderTimeout(**FAILED),
    tree.ProviderUnavailable(**FAILED),
    tree.CircuitOpen(**FAILED),
    tree.InvalidRequest(**FAILED),
    tree.ContextTooLong(**FAILED),
    tree.ContentFiltered(**FAILED),
    tree.MalformedResponse(**FAILED),
    tree.StreamBroken(partial="once upon", broken_by="timeout", **CALL),
    tree.InputError("m"),
]
STATUSES = {
    tree.PointsmanError: 500,
    tree.ConfigurationError: 503,
    tree.UnfitArgument: 500,
    tree.ScopeError: 400,
    tree.UserKeyMismatch: 403,
    tree.UserKeyRequired: 402,
    tree.ForeignScope: 500,
    tree.EnrolmentUnavailable: 503,
    tree.InvalidBudget: 500,
    tree.ModelDetached: 500,
    tree.ResourceClosed: 503,
    tree.TransportRefused: 500,
    tree.ModelCallFailed: 502,
    tree.UserKeyRejected: 403,
    tree.PlatformKeyRejected: 503,
    tree.RateLimited: 429,
    tree.ProviderTimeout: 504,
    tree.ProviderUnavailable: 503,
    tree.InvalidRequest: 400,
    tree.ContextTooLong: 413,
    tree.ContentFiltered: 422,
    tree.MalformedResponse: 502,
    tree.StreamBroken: 502,
    tree.InputError: 400,
}
"""What a product's handler answers; a class that isn't named answers what its base does."""


def all_kinds(kind: type[PointsmanError] = PointsmanError) -> Iterator[type[PointsmanError]]:
    """Every class of the tree that this package declares."""
    yield kind
    for below in kind.__subclasses__():
        if below.__module__.startswith("app.errors"):
            yield from all_kinds(below)


def named(error: PointsmanError) -> str:
    return type(error).__name__


def test_every_class_of_the_tree_is_drawn_exported_and_tried_here() -> None:
    kinds = {kind.__name__: kind.__mro__[1].__name__ for kind in all_kinds()}
    drawn = re.findall(r"^    [│├└─ ]*([A-Z]\w+)", tree.__doc__ or "", flags=re.MULTILINE)

    assert sorted(drawn) == sorted(kinds)
    assert set(kinds) <= set(tree.__all__)
    assert {named(error) for error in EXAMPLES} == set(kinds)


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_R17_an_error_survives_pickling_and_copying_with_all_that_it_carries(error: PointsmanError) -> None:
    error.add_note("seen in a worker")
    for other in (
        pickle.loads(pickle.dumps(error)),  # noqa: S301 - our own
        copy.copy(error),
        copy.deepcopy(error),
    ):
        assert type(other) is type(error)
        assert (str(other), vars(other)) == (str(error), vars(error))


@pytest.mark.parametrize("kind", list(all_kinds()), ids=lambda kind: kind.__name__)
def test_every_class_has_the_status_that_a_handler_answers(kind: type[PointsmanError]) -> None:
    named_above = next(one for one in kind.__mro__ if one in STATUSES)

    assert kind.http_status == STATUSES[named_above]


@pytest.mark.parametrize(
    ("reason", "status"), [("invalid", 403), ("permission", 403), ("quota", 402), ("billing", 402)]
)
def test_R9_a_users_key_that_is_used_up_or_unpaid_is_a_matter_of_payment(
    reason: KeyReason, status: int
) -> None:
    assert tree.UserKeyRejected(reason=reason, **FAILED).http_status == status
    assert tree.PlatformKeyRejected(reason=reason, **FAILED).http_status == 503


def test_a_user_is_told_what_is_wrong_with_the_key() -> None:
    told = {
        reason: tree.UserKeyRejected(reason=reason, **FAILED).to_dict()["message"]
        for reason in get_args(tree.KeyReason)
    }

    assert len(set(told.values())) == len(told) == 4


def test_a_client_sees_what_it_can_act_on() -> None:
    rejected = tree.UserKeyRejected(reason="quota", **FAILED)
    limited = tree.RateLimited(**(FAILED | {"retry_after_s": None}))

    assert rejected.to_dict() == {
        "type": "UserKeyRejected",
        "message": "the quota of your key is used up; raise its limit at the provider, "
        "or wait until it is renewed",
        "provider": "acme",
        "reason": "quota",
        "retry_after_s": 2.5,
    }
    assert set(limited.to_dict()) == {"type", "message", "provider"}
    assert tree.InvalidUserKey("acme", "is blank").to_dict()["message"] == (
        "the user's key for provider 'acme' is blank"
    )


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_a_client_sees_no_internals(error: PointsmanError) -> None:
    seen = error.to_dict()

    assert set(seen) <= {"type", "message", "provider", "reason", "retry_after_s"}
    for internal in ("ACME_API_KEY", "swift-1", "some_code", "req_1", "premium", "once upon", "c.py"):
        assert internal not in str(seen)
    if isinstance(error, tree.PlatformKeyRejected):
        assert set(seen) == {"type", "message"}, "whose account it is and what is wrong with it is ours"


def test_a_text_says_what_helps_and_none_of_what_arrived() -> None:
    assert str(tree.StreamBroken(partial="once upon", broken_by="timeout", **CALL)) == (
        "feature 'f': stream_broken (HTTP 429) from provider 'acme', model 'swift-1', paid by the user, "
        "after 2 attempts, by timeout; code some_code, retry after 2.5 s, request req_1, "
        "guessed from the text of its message"
    )
