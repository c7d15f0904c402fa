"""The check of an adapter: ours pass, and whoever tries to get round the door is caught."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from app.testing.conformance.checking import check_adapter
from app.testing.conformance.findings import AdapterMisbehaves
from app.testing.servers import Reply
from tests.llm.providers.adapters import adapters
from tests.testing import wrong_adapters as wrong
from tests.testing import wrong_models as models
from tests.testing.plain import PlainAdapter
from tests.testing.plain import with_model as of

if TYPE_CHECKING:
    from app.llm.providers.protocol import ProtocolAdapter
    from app.testing.servers import Seen


def plain_reply(seen: Seen) -> Reply:
    return Reply(json.dumps({"text": "Here."}).encode())


@pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.name)
def test_our_adapters_behave(adapter: ProtocolAdapter) -> None:
    before = dict(os.environ)  # noqa: TID251 - what the check plants there is taken out again
    check_adapter(adapter)
    assert dict(os.environ) == before  # noqa: TID251 - as above


def test_a_packages_adapter_that_behaves_passes() -> None:
    check_adapter(PlainAdapter(), reply=plain_reply)


SENDS, TICKETS, RETRIES = "sends what it may", "keeps no ticket", "never retries"
REDIRECTS, COOKIES, SPEC = "follows no redirect", "keeps no cookie", "builds from the spec alone"
CALLS, ENDS = "says a call's own options", "says how it ended"
OPTIONS, WISHES, HOLDS = "honours its options", "takes a call's own wishes", "holds no key"
MISBEHAVING: dict[str, tuple[ProtocolAdapter, str, str]] = {
    "another host": (of(models.Elsewhere), SENDS, r"the door refused it: a request to .* was refused"),
    "its own key": (of(models.OwnHeader), SENDS, r"the door refused it: .*'authorization'"),
    "its own key in an odd header": (of(models.OddHeader), SENDS, r"OPENAI_API_KEY .*header x-plain-account"),
    "its own key in the query": (of(models.OwnQuery), SENDS, r"OPENAI_API_KEY .*the address"),
    "a cookie": (of(models.OwnCookie), SENDS, r"the door refused it: .*'cookie'"),
    "a client of its own": (of(models.Bypassing), SENDS, r"a request went past the transport"),
    "a client of its own, elsewhere": (of(models.BypassingElsewhere), SENDS, r"a request to another host"),
    "no question at all": (of(models.FailsToAsk), SENDS, r"it fails: RuntimeError: no question today"),
    "headers dropped": (of(models.DropsHeaders), SENDS, r"it drops the headers of its spec"),
    "the marker sent": (of(models.Chatty), SENDS, r"the ticket or the marker for the key leaves"),
    "two requests a call": (of(models.Twice), SENDS, r"it sends 2 requests for one call"),
    "a request at its building": (wrong.AsksWhenBuilt(), SENDS, r"it asks somebody before it is called"),
    "no client at all": (wrong.FailsToBuild(), SENDS, r"it fails: RuntimeError: no client today"),
    "an earlier call's ticket": (of(models.KeepsTheTicket), TICKETS, r"invoke: the door refused it"),
    "calls mixed up": (of(models.MixesKeys), TICKETS, r"calls at the same time mix their keys up"),
    "retries": (of(models.Retrying), RETRIES, r"invoke: it asks 2 times after HTTP 500"),
    "failures as answers": (of(models.TakesAnything), RETRIES, r"it takes HTTP 500 for an answer"),
    "redirects": (of(models.Following), REDIRECTS, r"invoke: it follows a redirect \(HTTP 302\)"),
    "cookies": (of(models.OwnCookie), COOKIES, r"invoke: it sends a cookie back"),
    "differing clients": (wrong.BuildsDifferently(), SPEC, r"a client of an equal spec asks"),
    "an option ignored": (wrong.IgnoresAnOption(), OPTIONS, r"it ignores option top_p = 0.7"),
    "an option of others": (
        wrong.TakesEveryOption(),
        OPTIONS,
        r"it takes option 'seed', which it doesn't honour",
    ),
    "an option that fails": (wrong.FailsWithAnOption(), OPTIONS, r"it fails with option max_tokens = 77"),
    "an option that there isn't": (wrong.HonoursTheUnknown(), OPTIONS, r"it honours 'mood'"),
    "the time left ignored": (wrong.IgnoresTheTimeLeft(), WISHES, r"it ignores the time that is left"),
    "the cache key dropped": (wrong.DropsTheCacheKey(), WISHES, r"it drops the cache key"),
    "a call's option ignored": (
        of(models.IgnoresACallsOptions),
        CALLS,
        r"it ignores option temperature = 0.3",
    ),
    "a call's option that fails": (
        of(models.FailsWithACallsOptions),
        CALLS,
        r"it fails with option temperature = 0.3 of a single call",
    ),
    "a stream without an ending": (
        of(models.NeverEnds),
        ENDS,
        r"astream: its stream doesn't say how it ended",
    ),
    "an answer without a word": (of(models.SaysNothing), ENDS, r"invoke: nothing of its answer is content"),
    "a key in the client": (of(models.HoldsAKey), HOLDS, r"the key in OPENAI_API_KEY"),
}


@pytest.mark.parametrize("how", MISBEHAVING)
def test_an_adapter_that_misbehaves_is_caught(how: str) -> None:
    adapter, check, finding = MISBEHAVING[how]
    with pytest.raises(AdapterMisbehaves, match=rf"{check}: .*{finding}") as caught:
        check_adapter(adapter, reply=plain_reply, only=[check])
    assert {one.check for one in caught.value.findings} == {check}


def test_an_unknown_protocols_answers_have_to_be_given() -> None:
    with pytest.raises(ValueError, match="how does a provider of protocol 'plain' answer"):
        check_adapter(PlainAdapter())
