"""The middleware over HTTP: each request runs in the scope of its user, or is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.testclient import TestClient

from app.errors import SettingsError
from app.llm import BYOKMiddleware, RequestScope, current_scope, request_scope
from app.llm.byok.entry import BYOKEntry
from app.llm.byok.headers import KeyHeaders
from tests.llm.byok.asgi import Heard, application, behind, told, user_of
from tests.llm.byok.enrolment.peppers import PROVIDERS, CountingStore, FailingStore, policy

if TYPE_CHECKING:
    from httpx2 import Response
    from starlette.middleware.base import RequestResponseEndpoint
    from starlette.requests import Request
    from starlette.responses import Response as StarletteResponse
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY, OTHER = "sk-canary-ada", "sk-canary-other"
ADA = {"X-User": "ada"}
ADAS_KEY = {**ADA, "X-BYOK-Acme": KEY}


def ask(app: ASGIApp, path: str = "/plain", headers: dict[str, str] | None = None) -> Response:
    response: Response = TestClient(app).get(path, headers=ADAS_KEY if headers is None else headers)
    return response


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_handler_runs_in_the_scope_of_its_user(heard: Heard) -> None:
    said = ask(behind(application(heard)))
    assert said.json() == {"user": "ada", "keys": {"acme": KEY}, "endpoint": None, "same": True}
    assert current_scope() is None


def test_a_request_without_keys_runs_in_a_scope_without_keys(heard: Heard) -> None:
    app = behind(application(heard))
    assert ask(app, headers=ADA).json()["keys"] == {}
    assert ask(app, headers={}).json()["user"] is None


def test_without_enrolment_nobodys_keys_are_taken_too(heard: Heard) -> None:
    said = ask(behind(application(heard)), headers={"X-BYOK-Acme": KEY}).json()
    assert (said["user"], said["keys"]) == (None, {"acme": KEY})


def test_a_blocking_handler_runs_in_the_scope_too(heard: Heard) -> None:
    assert ask(behind(application(heard)), "/blocking").json()["user"] == "ada"


def test_a_streamed_body_and_a_background_task_run_in_the_scope(heard: Heard) -> None:
    said = ask(behind(application(heard)), "/streaming")
    assert said.text == "ada ada ada "
    assert [one["keys"] for one in heard.background] == [{"acme": KEY}] * 2


def test_R7_the_headers_go_no_further(heard: Heard) -> None:
    seen: list[Any] = []

    def who(scope: Scope) -> str | None:
        seen.append(scope["headers"])
        return user_of(scope)

    entry = BYOKEntry(KeyHeaders(lambda: PROVIDERS))
    ask(BYOKMiddleware(application(heard), entry=entry, user_of=who))
    for headers in (*seen, *heard.headers):
        assert (b"x-user", b"ada") in headers
        assert "canary" not in str(headers)


async def test_who_the_user_is_may_be_found_out_asynchronously(heard: Heard) -> None:
    async def who(scope: Scope) -> str | None:
        return user_of(scope)

    entry = BYOKEntry(KeyHeaders(lambda: PROVIDERS))
    app = BYOKMiddleware(application(heard), entry=entry, user_of=who)
    assert ask(app).json()["user"] == "ada"


def test_a_blank_user_is_nobody(heard: Heard) -> None:
    entry = BYOKEntry(KeyHeaders(lambda: PROVIDERS))
    app = BYOKMiddleware(application(heard), entry=entry, user_of=lambda _: "")
    assert ask(app, headers={}).json()["user"] is None


def test_fastapi_takes_it_with_add_middleware() -> None:
    app = FastAPI()
    app.add_middleware(BYOKMiddleware, entry=BYOKEntry(KeyHeaders(lambda: PROVIDERS)), user_of=user_of)

    @app.get("/plain")
    def plain() -> dict[str, Any]:
        return told(current_scope())

    assert ask(app).json()["keys"] == {"acme": KEY}
    assert ask(app, headers={"X-BYOK-Nobody": KEY}).status_code == 400


def test_other_middleware_may_stand_on_either_side(heard: Heard) -> None:
    async def through(request: Request, call_next: RequestResponseEndpoint) -> StarletteResponse:
        return await call_next(request)

    inside = BaseHTTPMiddleware(application(heard), through)
    outside = BaseHTTPMiddleware(behind(inside), through)
    assert ask(outside).json()["keys"] == {"acme": KEY}


@pytest.mark.parametrize(
    ("headers", "kind", "provider"),
    [
        ({"X-BYOK-Acme": " "}, "InvalidUserKey", "acme"),
        ({"X-BYOK-Acme": "k" * 5000}, "InvalidUserKey", "acme"),
        ({"X-BYOK-Acmee": KEY}, "UnknownKeyProvider", "acmee"),
        ({"X-BYOK-Endpoint-URL": "https://llm.example"}, "UserEndpointRefused", None),
    ],
)
def test_R6_a_key_that_cant_be_used_refuses_the_request(
    heard: Heard, headers: dict[str, str], kind: str, provider: str | None
) -> None:
    refused = ask(behind(application(heard)), headers=ADA | headers)
    assert refused.status_code == 400
    assert refused.headers["cache-control"] == "no-store"
    error = refused.json()["error"]
    assert (error["type"], error.get("provider")) == (kind, provider)
    assert error["message"]
    assert "canary" not in refused.text
    assert heard.headers == []


def test_where_the_setting_says_so_the_request_goes_on_without_the_bad_header(heard: Heard) -> None:
    app = behind(application(heard), bad="drop")
    assert ask(app, headers=ADAS_KEY | {"X-BYOK-Nova": " ", "X-BYOK-Who": KEY}).json()["keys"] == {
        "acme": KEY
    }


def test_an_endpoint_of_the_users_own_is_in_the_scope(heard: Heard) -> None:
    app = behind(application(heard), endpoints=True)
    url = {"X-BYOK-Endpoint-URL": "https://llm.example/v1"}
    headers = ADA | url | {"X-BYOK-Endpoint-Model": "own-1", "X-BYOK-Endpoint-Key": KEY}
    assert ask(app, headers=headers).json()["endpoint"] == "https://llm.example/v1"


def test_with_enrolment_the_enrolled_keys_are_taken_and_no_others(heard: Heard) -> None:
    mine = policy()
    app = behind(application(heard), mine)
    assert ask(app).json()["keys"] == {}
    mine.enrol("ada", "acme", KEY)
    assert ask(app, headers=ADAS_KEY | {"X-BYOK-Nova": OTHER}).json()["keys"] == {"acme": KEY}
    assert ask(app, headers={"X-BYOK-Acme": KEY}).json()["keys"] == {}


def test_an_enrolled_users_other_key_is_forbidden_by_the_providers_name(heard: Heard) -> None:
    mine = policy()
    mine.enrol("ada", "acme", OTHER)
    refused = ask(behind(application(heard), mine))
    assert refused.status_code == 403
    assert (refused.json()["error"]["type"], refused.json()["error"]["provider"]) == (
        "UserKeyMismatch",
        "acme",
    )
    assert "canary" not in refused.text


def test_no_headers_cost_no_look_up(heard: Heard) -> None:
    store = CountingStore()
    app = behind(application(heard), policy(store))
    assert ask(app, headers=ADA).status_code == 200
    assert store.asked == []


def test_a_store_that_is_down_is_a_503_that_tells_nothing_of_it(
    heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    app = behind(application(heard), policy(FailingStore()))
    refused = ask(app)
    assert refused.status_code == 503
    assert refused.json()["error"]["type"] == "EnrolmentUnavailable"
    assert "DriverError" not in refused.text
    assert "DriverError" in caplog.text
    assert FailingStore.secret not in caplog.text + refused.text
    assert ask(app, headers=ADA).status_code == 200


@pytest.mark.parametrize("path", ["/recover", "/keys/acme"])
def test_an_exempt_path_is_never_refused_and_has_no_keys(heard: Heard, path: str) -> None:
    mine = policy()
    mine.enrol("ada", "acme", OTHER)
    app = behind(application(heard), mine, exempt=["/recover", "/keys/*"])
    for headers in (ADAS_KEY, ADA | {"X-BYOK-Nobody": " "}):
        said = ask(app, path, headers)
        assert said.status_code == 200
        assert (said.json()["user"], said.json()["keys"]) == ("ada", {})
    assert "canary" not in str(heard.headers)
    assert ask(app, "/keysmith").status_code == 403


@pytest.mark.parametrize("pattern", ["recover", "", "*", "/a*", "/*/b", "/a/**"])
def test_an_exempt_path_that_matches_nothing_is_an_error(heard: Heard, pattern: str) -> None:
    with pytest.raises(SettingsError, match="exempt"):
        behind(application(heard), exempt=[pattern])


def test_a_handlers_own_exception_passes_through_and_the_scope_ends(heard: Heard) -> None:
    with pytest.raises(ZeroDivisionError, match="the handler's own"):
        ask(behind(application(heard)), "/failing")
    assert current_scope() is None


def test_an_error_of_who_knows_the_user_passes_through(heard: Heard) -> None:
    def who(scope: Scope) -> str | None:
        raise PermissionError("no session")

    app = BYOKMiddleware(application(heard), entry=BYOKEntry(KeyHeaders(lambda: PROVIDERS)), user_of=who)
    with pytest.raises(PermissionError):
        ask(app)


async def test_the_scope_that_a_server_gave_isnt_changed() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    state = {"shared": 1}
    given = {"type": "http", "path": "/", "headers": [(b"x-byok-acme", KEY.encode())], "state": state}
    before = {**given, "headers": list(given["headers"])}
    receive, send = object(), object()
    await behind(app)(given, receive, send)  # type: ignore[arg-type] # they are passed on, whatever they are
    assert given == before
    scope, *channels = seen[0]
    assert channels == [receive, send]
    assert scope["state"] is state


@pytest.mark.parametrize("kind", ["lifespan", "something.new"])
async def test_what_is_no_request_passes_untouched(kind: str) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    given = {"type": kind}
    await behind(app)(given, None, None)  # type: ignore[arg-type] # nobody uses them
    assert seen[0] is given


async def test_a_server_may_leave_the_headers_out() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(current_scope())

    with request_scope(RequestScope("outer")):
        await behind(app)({"type": "http", "path": "/"}, None, None)  # type: ignore[arg-type] # as above
        assert current_scope() == RequestScope("outer")
    assert seen == [RequestScope(None)]


async def test_a_client_that_left_before_it_was_refused_is_no_error() -> None:
    async def gone(message: Message) -> None:
        raise OSError("disconnected")

    refused = {"type": "http", "path": "/", "headers": [(b"x-byok-acme", b"")]}
    await behind(None)(refused, None, gone)  # type: ignore[arg-type] # nobody gets that far
