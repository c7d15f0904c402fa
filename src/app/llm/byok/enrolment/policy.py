"""Enrolment: which of the keys that a user sends are taken."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from app.errors import EnrolmentUnavailable, ScopeError, UnknownKeyProvider, UserKeyMismatch
from app.llm.byok.enrolment.states import asked
from app.llm.byok.scope import RequestScope
from app.llm.byok.secret_keys import checked_key
from app.llm.catalog.model import USER_ENDPOINT
from app.llm.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pydantic import SecretStr

    from app.llm.byok.endpoint import UserEndpoint
    from app.llm.byok.enrolment.fingerprints import Fingerprint, Peppers
    from app.llm.byok.enrolment.states import EnrolledStates, State

    Renewal = tuple[str, Fingerprint, Fingerprint]

LONGEST_USER_ID: Final = 255
"""Characters of a user id that can be enrolled."""


class Enrolment:
    """The policy: of an enrolled user the enrolled keys are taken, and no other key of anybody.

    `providers` says which providers users can hold keys of. What users have enrolled is known from `states`:
    other processes see an enrolment when they ask their store again.
    """

    def __init__(
        self, states: EnrolledStates, peppers: Peppers, providers: Callable[[], Iterable[str]]
    ) -> None:
        self._states, self._store = states, states.store
        self._peppers, self._providers = peppers, providers

    def enrol(self, user_id: str, provider: str, key: str | SecretStr) -> Fingerprint:
        """Enrol a user's key for a provider, instead of the one enrolled before. The key itself isn't kept.

        :raises UnknownKeyProvider: users can't hold a key of this provider.
        :raises InvalidUserKey: this can't be a key.
        :raises EnrolmentUnavailable: the store can't be asked.
        """
        known = tuple(self._providers())
        if provider not in known:
            raise UnknownKeyProvider(provider, known)
        return self._put(user_id, provider, checked_key(provider, key).get_secret_value())

    def enrol_endpoint(self, user_id: str, endpoint: UserEndpoint) -> Fingerprint:
        """Enrol a user's own endpoint: its address, model and key together, instead of the one before.

        :raises EnrolmentUnavailable: the store can't be asked.
        """
        return self._put(user_id, *_parts_of(endpoint))

    def withdraw(self, user_id: str, provider: str | None = None) -> int:
        """Forget what a user enrolled for a provider, or all of it; return how many keys that were.

        :raises EnrolmentUnavailable: the store can't be asked.
        """
        try:
            return asked(lambda: self._store.remove(user_id, provider))
        finally:
            self._states.forget(user_id)

    def enrolled(self, user_id: str) -> Mapping[str, Fingerprint]:
        """Return what a user has enrolled, by provider, as the store says now.

        :raises EnrolmentUnavailable: the store can't be asked.
        """
        return asked(lambda: self._store.of(user_id))

    def admit(self, scope: RequestScope) -> RequestScope:
        """Return a scope with the keys that are taken. Without keys, nobody is asked.

        :raises UserKeyMismatch: a key isn't the one that this user enrolled.
        :raises EnrolmentUnavailable: the store can't be asked.
        """
        if scope.user_id is None or not _offers(scope):
            return _without_keys(scope)
        admitted, renewals = self._judged(scope, self._states.of(scope.user_id))
        if renewals:
            self._renew(scope.user_id, renewals)
        return admitted

    async def aadmit(self, scope: RequestScope) -> RequestScope:
        """Do as `admit` does, and ask the store in another thread."""
        if scope.user_id is None or not _offers(scope):
            return _without_keys(scope)
        admitted, renewals = self._judged(scope, await self._states.aof(scope.user_id))
        if renewals:
            self._states.later(partial(self._renew, scope.user_id, renewals))
        return admitted

    def _put(self, user_id: str, provider: str, *secret: str) -> Fingerprint:
        if not user_id.strip() or len(user_id) > LONGEST_USER_ID:
            raise ScopeError(f"a user id that is enrolled has 1 to {LONGEST_USER_ID} characters")
        fingerprint = self._peppers.fingerprint(provider, *secret)
        try:
            asked(lambda: self._store.put(user_id, provider, fingerprint))
        finally:
            # Also after a failure: what is kept is not known then.
            self._states.forget(user_id)
        return fingerprint

    def _judged(self, scope: RequestScope, state: State) -> tuple[RequestScope, list[Renewal]]:
        """Return what is taken, and which fingerprints are to be made anew."""
        taken: dict[str, tuple[str, ...]] = {}
        wrong: list[str] = []
        for provider, *secret in _offered(scope):
            fingerprint = state.get(provider)
            if fingerprint is None:
                continue
            self._report_unknown_pepper(provider, fingerprint)
            # All are compared before any is refused: how long that takes tells nothing.
            if not self._peppers.match(fingerprint, provider, *secret):
                wrong.append(provider)
            taken[provider] = tuple(secret)
        if wrong:
            raise UserKeyMismatch(wrong[0])
        return _only(scope, taken), list(self._renewals(state, taken))

    def _renewals(self, state: State, taken: Mapping[str, tuple[str, ...]]) -> Iterator[Renewal]:
        for provider, secret in taken.items():
            if state[provider].pepper != self._peppers.current:
                yield provider, state[provider], self._peppers.fingerprint(provider, *secret)

    def _renew(self, user_id: str, renewals: Iterable[Renewal]) -> None:
        """Put fingerprints of the current pepper in the place of older ones; the keys are right anyway."""
        try:
            for provider, old, new in renewals:
                asked(partial(self._store.replace, user_id, provider, old, new))
        except EnrolmentUnavailable as error:
            logger().warning("byok_fingerprint_not_renewed", problem=str(error))
        self._states.forget(user_id)

    def _report_unknown_pepper(self, provider: str, fingerprint: Fingerprint) -> None:
        if not self._peppers.knows(fingerprint):
            logger().warning("byok_pepper_unknown", provider=provider, pepper=fingerprint.pepper)


def _offers(scope: RequestScope) -> bool:
    return bool(scope.providers) or scope.endpoint is not None


def _offered(scope: RequestScope) -> Iterator[tuple[str, ...]]:
    """Yield each provider of a scope and what is secret about it, in the order of their names."""
    for provider in sorted(scope.providers):
        key = scope.key(provider)
        if key is not None:
            yield provider, key.get_secret_value()
    if scope.endpoint is not None:
        yield _parts_of(scope.endpoint)


def _parts_of(endpoint: UserEndpoint) -> tuple[str, ...]:
    return USER_ENDPOINT, endpoint.base_url, endpoint.model, endpoint.key.get_secret_value()


def _without_keys(scope: RequestScope) -> RequestScope:
    return RequestScope(scope.user_id) if _offers(scope) else scope


def _only(scope: RequestScope, taken: Mapping[str, object]) -> RequestScope:
    """Return a scope with these of its keys."""
    keys = {name: key for name in scope.providers if name in taken and (key := scope.key(name)) is not None}
    return RequestScope(scope.user_id, keys, scope.endpoint if USER_ENDPOINT in taken else None)
