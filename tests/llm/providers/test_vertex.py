"""The platform's access token for Vertex AI."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

from app.errors import SettingsError, TransportRefused
from app.llm.providers.vertex import VertexAccessToken, vertex_base_url
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

THREADS = 8


class Account(Credentials):
    """Credentials that hand out token-1, token-2 and so on, each good for an hour, or fail."""

    def __init__(self, left: timedelta | None = None, error: Exception | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.refreshes = 0
        self.error = error
        self.refreshed = threading.Event()
        if left is not None:
            self.token, self.expiry = "token-0", now() + left

    def refresh(self, request: object) -> None:
        if self.error is not None:
            raise self.error
        self.refreshes += 1
        self.token, self.expiry = f"token-{self.refreshes}", now() + timedelta(hours=1)
        self.refreshed.set()


def now() -> datetime:
    """Return the time as google-auth has it: in UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)


def test_a_token_is_fetched_once_and_used_again() -> None:
    account = Account()
    token = VertexAccessToken(account)
    assert [token(), token()] == ["token-1", "token-1"]


def test_threads_that_need_one_at_once_fetch_one_token() -> None:
    account, together = Account(), threading.Barrier(THREADS)
    token = VertexAccessToken(account)

    def reveal() -> str:
        together.wait(PATIENCE_S)
        return token()

    with ThreadPoolExecutor(THREADS) as threads:
        revealed = [threads.submit(reveal) for _ in range(THREADS)]
        assert {future.result(PATIENCE_S) for future in revealed} == {"token-1"}
    assert account.refreshes == 1


def test_an_expired_token_is_never_used() -> None:
    token = VertexAccessToken(Account(left=timedelta(seconds=-1)))
    assert token() == "token-1"


def test_a_token_that_expires_soon_is_renewed_beside_the_call() -> None:
    account = Account(left=timedelta(minutes=2))
    token = VertexAccessToken(account)
    assert token() in {"token-0", "token-1"}
    assert account.refreshed.wait(PATIENCE_S)
    assert token() == "token-1"


def test_a_token_that_google_refuses_is_an_error_without_what_was_said() -> None:
    refused = RefreshError("invalid_grant: secret details")  # type: ignore[no-untyped-call]
    with pytest.raises(TransportRefused, match="RefreshError") as error:
        VertexAccessToken(Account(error=refused))()
    assert "secret" not in str(error.value)


def test_without_default_credentials_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(SettingsError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        VertexAccessToken()()


def test_it_shows_no_token() -> None:
    token = VertexAccessToken(Account())
    assert token() not in repr(token)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("us-central1", "https://us-central1-aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_location_has_its_address(location: str, url: str) -> None:
    assert vertex_base_url(location) == url
