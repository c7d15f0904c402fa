"""The policy of enrolment: which of the keys that a user sends are taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from app.errors import (
    EnrolmentUnavailable,
    InvalidUserKey,
    ScopeError,
    UnknownKeyProvider,
    UserKeyMismatch,
)
from app.llm import RequestScope, UserEndpoint
from app.llm.byok.enrolment.store import InMemoryEnrolledKeys
from app.llm.catalog.model import USER_ENDPOINT
from tests.llm.byok.enrolment.peppers import NEW, OLD, Clock, CountingStore, FailingStore, peppers, policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm import Enrolment
    from app.llm.byok.enrolment.fingerprints import Fingerprint
    from app.llm.byok.enrolment.store import EnrolledKeys

    Admit = Callable[[Enrolment, RequestScope], RequestScope]

KEY, OTHER = "sk-canary-ada", "sk-canary-other"


def in_a_loop(mine: Enrolment, scope: RequestScope) -> RequestScope:
    return asyncio.run(mine.aadmit(scope))


def in_a_thread(mine: Enrolment, scope: RequestScope) -> RequestScope:
    return mine.admit(scope)


@pytest.fixture(params=[in_a_loop, in_a_thread])
def admit(request: pytest.FixtureRequest) -> Admit:
    found: Admit = request.param
    return found


def sent(user: str | None = "ada", endpoint: UserEndpoint | None = None, **keys: str) -> RequestScope:
    return RequestScope(user, keys, endpoint)


def test_an_enrolled_key_is_taken(store: EnrolledKeys, admit: Admit) -> None:
    mine = policy(store)
    mine.enrol("ada", "acme", KEY)
    assert admit(mine, sent(acme=KEY)) == sent(acme=KEY)


def test_no_headers_cost_no_look_up(admit: Admit) -> None:
    store = CountingStore()
    assert admit(policy(store), sent()) == sent()
    assert store.asked == []


def test_a_user_who_enrolled_nothing_has_all_keys_dropped(store: EnrolledKeys, admit: Admit) -> None:
    endpoint = UserEndpoint("https://llm.example/v1", "own-1", KEY)
    mine = policy(store)
    mine.enrol("eve", "acme", KEY)
    assert admit(mine, sent(acme=KEY, nova=KEY, endpoint=endpoint)) == sent()


def test_R6_another_key_than_the_enrolled_one_is_an_error_that_names_the_provider(
    store: EnrolledKeys, admit: Admit
) -> None:
    mine = policy(store)
    mine.enrol("ada", "acme", KEY)
    mine.enrol("ada", "nova", KEY)
    with pytest.raises(UserKeyMismatch, match="'nova'") as refused:
        admit(mine, sent(acme=KEY, nova=OTHER))
    assert refused.value.provider == "nova"
    assert "canary" not in str(refused.value)


def test_a_provider_that_isnt_enrolled_is_dropped_and_the_others_are_kept(
    store: EnrolledKeys, admit: Admit
) -> None:
    mine = policy(store)
    mine.enrol("ada", "acme", KEY)
    assert admit(mine, sent(acme=KEY, nova=OTHER)) == sent(acme=KEY)


def test_a_key_that_another_user_enrolled_is_that_users_only(store: EnrolledKeys, admit: Admit) -> None:
    mine = policy(store)
    mine.enrol("ada", "acme", KEY)
    mine.enrol("eve", "acme", OTHER)
    with pytest.raises(UserKeyMismatch):
        admit(mine, sent("eve", acme=KEY))


def test_nobody_can_have_enrolled_a_key_so_nobodys_keys_are_dropped(admit: Admit) -> None:
    store = CountingStore()
    assert admit(policy(store), sent(None, acme=KEY)) == sent(None)
    assert store.asked == []


def test_an_endpoint_is_enrolled_as_one_unit(store: EnrolledKeys, admit: Admit) -> None:
    mine = policy(store)
    endpoint = UserEndpoint("https://llm.example/v1", "own-1", KEY)
    mine.enrol_endpoint("ada", endpoint)
    assert admit(mine, sent(endpoint=endpoint, acme=KEY)) == sent(endpoint=endpoint)
    for other in (
        UserEndpoint("https://evil.example/v1", "own-1", KEY),
        UserEndpoint("https://llm.example/v1", "own-2", KEY),
        UserEndpoint("https://llm.example/v1", "own-1", OTHER),
    ):
        with pytest.raises(UserKeyMismatch, match=USER_ENDPOINT):
            admit(mine, sent(endpoint=other))


def test_a_user_of_an_endpoint_alone_has_an_endpoint_dropped_that_isnt_enrolled(admit: Admit) -> None:
    mine = policy()
    mine.enrol("ada", "acme", KEY)
    endpoint = UserEndpoint("https://llm.example/v1", "own-1", KEY)
    assert admit(mine, sent(endpoint=endpoint, acme=KEY)) == sent(acme=KEY)


def test_own_enrolments_and_withdrawals_are_seen_at_once(store: EnrolledKeys, admit: Admit) -> None:
    mine = policy(store)
    assert admit(mine, sent(acme=KEY)) == sent()
    mine.enrol("ada", "acme", KEY)
    assert admit(mine, sent(acme=KEY)) == sent(acme=KEY)
    mine.enrol("ada", "acme", OTHER)
    assert admit(mine, sent(acme=OTHER)) == sent(acme=OTHER)
    assert set(mine.enrolled("ada")) == {"acme"}
    assert mine.withdraw("ada", "acme") == 1
    assert admit(mine, sent(acme=OTHER)) == sent()


def test_another_processs_enrolment_is_seen_when_the_kept_answer_is_old(admit: Admit) -> None:
    store, clock = InMemoryEnrolledKeys(), Clock()
    here, elsewhere = policy(store, clock=clock), policy(store)
    assert admit(here, sent(acme=KEY)) == sent()
    elsewhere.enrol("ada", "acme", KEY)
    assert admit(here, sent(acme=KEY)) == sent()
    clock.now += 31
    assert admit(here, sent(acme=KEY)) == sent(acme=KEY)


def test_a_match_under_an_older_pepper_is_written_anew(store: EnrolledKeys, admit: Admit) -> None:
    policy(store, peppers(old=OLD)).enrol("ada", "acme", KEY)
    mine = policy(store, peppers(new=NEW, old=OLD))
    assert admit(mine, sent(acme=KEY)) == sent(acme=KEY)
    mine._states._threads.shutdown()  # noqa: SLF001 - waits for what was left to a thread
    assert store.of("ada")["acme"] == peppers(new=NEW).fingerprint("acme", KEY)
    assert admit(policy(store, peppers(new=NEW)), sent(acme=KEY)) == sent(acme=KEY)


def test_a_mismatch_under_an_older_pepper_stays_as_it_is(store: EnrolledKeys, admit: Admit) -> None:
    policy(store, peppers(old=OLD)).enrol("ada", "acme", KEY)
    before = dict(store.of("ada"))
    mine = policy(store, peppers(new=NEW, old=OLD))
    with pytest.raises(UserKeyMismatch):
        admit(mine, sent(acme=OTHER))
    assert dict(store.of("ada")) == before


class WithdrawnMeanwhile(InMemoryEnrolledKeys):
    """A store in which the user withdraws just before the fingerprint is made anew."""

    def replace(self, user_id: str, provider: str, old: Fingerprint, new: Fingerprint) -> bool:
        self.remove(user_id)
        return super().replace(user_id, provider, old, new)


def test_a_new_fingerprint_doesnt_undo_a_withdrawal() -> None:
    store = WithdrawnMeanwhile()
    policy(store, peppers(old=OLD)).enrol("ada", "acme", KEY)
    assert policy(store, peppers(new=NEW, old=OLD)).admit(sent(acme=KEY)) == sent(acme=KEY)
    assert dict(store.of("ada")) == {}


class ReadOnly(FailingStore):
    """A store that can be read only."""

    def of(self, user_id: str) -> dict[str, Fingerprint]:
        return {"acme": peppers(old=OLD).fingerprint("acme", KEY)}


def test_a_fingerprint_that_cant_be_written_anew_is_logged_and_its_key_is_taken(
    admit: Admit, caplog: pytest.LogCaptureFixture
) -> None:
    mine = policy(ReadOnly(), peppers(new=NEW, old=OLD))
    assert admit(mine, sent(acme=KEY)) == sent(acme=KEY)
    mine._states._threads.shutdown()  # noqa: SLF001 - waits for what was left to a thread
    assert "byok_fingerprint_not_renewed" in caplog.text
    assert FailingStore.secret not in caplog.text


def test_a_fingerprint_of_a_pepper_that_is_gone_is_a_mismatch_and_logged(
    store: EnrolledKeys, admit: Admit, caplog: pytest.LogCaptureFixture
) -> None:
    policy(store, peppers(old=OLD)).enrol("ada", "acme", KEY)
    with pytest.raises(UserKeyMismatch):
        admit(policy(store, peppers(new=NEW)), sent(acme=KEY))
    assert "byok_pepper_unknown" in caplog.text
    assert "canary" not in caplog.text


def test_a_store_that_cant_be_asked_is_an_error_that_tells_its_type_only(admit: Admit) -> None:
    mine = policy(FailingStore())
    for work in (
        lambda: admit(mine, sent(acme=KEY)),
        lambda: mine.enrol("ada", "acme", KEY),
        lambda: mine.withdraw("ada"),
        lambda: mine.enrolled("ada"),
    ):
        with pytest.raises(EnrolmentUnavailable, match="DriverError") as failed:
            work()
        shown = f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__context__!r}"
        assert FailingStore.secret not in shown
        assert "canary" not in shown


def test_what_cant_be_a_key_a_provider_or_a_user_isnt_enrolled() -> None:
    store = InMemoryEnrolledKeys()
    mine = policy(store)
    with pytest.raises(InvalidUserKey):
        mine.enrol("ada", "acme", " ")
    with pytest.raises(UnknownKeyProvider, match="'acme'"):
        mine.enrol("ada", "acmee", KEY)
    for user in ("", " ", "a" * 256):
        with pytest.raises(ScopeError):
            mine.enrol(user, "acme", KEY)
    assert dict(store.of("ada")) == {}
