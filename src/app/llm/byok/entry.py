"""BYOKEntry: the one way in for users' keys, for handlers, workers and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.llm.byok.headers import ours, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from app.llm.byok.endpoint import UserEndpoint
    from app.llm.byok.enrolment.policy import Enrolment
    from app.llm.byok.headers import Headers, KeyHeaders
    from app.llm.byok.scope import RequestScope


class BYOKEntry:
    """From what a request or a job brought to its scope: one parser, and one policy if there is enrolment."""

    def __init__(self, parser: KeyHeaders, enrolment: Enrolment | None = None) -> None:
        self._parser, self._enrolment = parser, enrolment

    def scope_of(
        self,
        user_id: str | None,
        headers: Headers = (),
        *,
        keys: Mapping[str, str | SecretStr] | None = None,
        endpoint: UserEndpoint | None = None,
    ) -> RequestScope:
        """Return the scope of a request with these headers (ASGI's raw pairs, or any mapping).

        A job that has no headers gives `keys` by provider, or an `endpoint`. With enrolment, only enrolled
        keys are in the scope: those of a user who enrolled none are dropped. The store is asked in this
        thread.

        :raises ScopeError: a key can't be used (InvalidUserKey, UnknownKeyProvider, UserEndpointRefused), or
            isn't the one that this user enrolled (UserKeyMismatch).
        :raises EnrolmentUnavailable: the store of enrolled keys can't be asked.
        """
        scope = self._sent(user_id, headers, keys, endpoint)
        return scope if self._enrolment is None else self._enrolment.admit(scope)

    async def ascope_of(
        self,
        user_id: str | None,
        headers: Headers = (),
        *,
        keys: Mapping[str, str | SecretStr] | None = None,
        endpoint: UserEndpoint | None = None,
    ) -> RequestScope:
        """Do as `scope_of` does, and ask the store in another thread if it has to be asked."""
        scope = self._sent(user_id, headers, keys, endpoint)
        return scope if self._enrolment is None else await self._enrolment.aadmit(scope)

    def _sent(
        self,
        user_id: str | None,
        headers: Headers,
        keys: Mapping[str, str | SecretStr] | None,
        endpoint: UserEndpoint | None,
    ) -> RequestScope:
        found = ours(headers)
        if keys:
            found += ours({f"X-BYOK-{name}": text_of(name, key) for name, key in keys.items()})
        return self._parser.scope(user_id or None, found, endpoint)
