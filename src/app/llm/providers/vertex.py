"""Access to Vertex AI: where a location is reached, and the platform's own token for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from app.errors import SettingsError, TransportRefused
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
MULTI_REGIONS: Final = frozenset({"us", "eu"})


def vertex_base_url(location: str) -> str:
    """Return the base URL of Vertex AI for a location: a region, a multi-region, or `global`."""
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


class VertexAccessToken:
    """The platform's access token, from Google's application default credentials. Calling it reveals it.

    A token that will soon expire is renewed beside the call; a missing or expired one makes the call wait.
    """

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self.renew()
        renew_in_children(self)

    def __repr__(self) -> str:
        return "VertexAccessToken()"

    def renew(self) -> None:
        """Free the lock, which in a forked child a renewal in the parent may hold for ever."""
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Return a token that is valid now.

        Raises SettingsError if this machine has no application default credentials, and TransportRefused if
        Google gives no token for them.
        """
        from google.auth.credentials import TokenState

        credentials = self._credentials or self._find()
        if credentials.token_state is TokenState.INVALID:
            with self._lock:
                if credentials.token_state is TokenState.INVALID:
                    renew(credentials)
        elif credentials.token_state is TokenState.STALE and self._lock.acquire(blocking=False):
            threading.Thread(target=self._renew_beside, args=(credentials,), daemon=True).start()
        return str(credentials.token)

    def _find(self) -> Credentials:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError

        with self._lock:
            if self._credentials is None:
                try:
                    self._credentials, _ = google.auth.default(scopes=[SCOPE])
                except DefaultCredentialsError as error:
                    raise SettingsError(
                        "Vertex AI needs Google's application default credentials, and there are none here: "
                        "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`"
                    ) from error
            return self._credentials

    def _renew_beside(self, credentials: Credentials) -> None:
        try:
            renew(credentials)
        finally:
            self._lock.release()


def renew(credentials: Credentials) -> None:
    """Fetch a new token. Raises TransportRefused, without what was sent or answered, if there is none."""
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    try:
        credentials.refresh(Request())  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise TransportRefused(
            f"Google gave no access token for Vertex AI ({type(error).__name__})"
        ) from None
