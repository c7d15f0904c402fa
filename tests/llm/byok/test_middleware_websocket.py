"""The middleware over WebSockets: a real server, a real client, and the codes that it is closed with."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.llm.byok.refusals import LONGEST_REASON
from tests.llm.byok.asgi import Heard, application, behind
from tests.llm.byok.enrolment.peppers import FailingStore, policy
from tests.servers.asgi import serving

if TYPE_CHECKING:
    from app.llm import Enrolment
    from app.llm.byok.refusals import Message

KEY, OTHER = "sk-canary-ada", "sk-canary-other"
ADA = {"X-User": "ada"}
ADAS_KEY = {**ADA, "X-BYOK-Acme": KEY}


async def talk(mine: Enrolment | None, headers: dict[str, str], *, subprotocols: tuple[str, ...] = ()) -> str:
    """Say hello to a chat behind the middleware, and return what it says."""
    with serving(behind(application(Heard()), mine)) as host:
        offered = list(subprotocols) or None
        chat = connect(f"ws://{host}/chat", additional_headers=headers, subprotocols=offered, proxy=None)  # type: ignore[arg-type] # they are texts
        async with chat as socket:
            await socket.send("hello")
            return str(await socket.recv())


async def closed(mine: Enrolment | None, headers: dict[str, str], **how: tuple[str, ...]) -> ConnectionClosed:
    """Return how the server closed a WebSocket that it had accepted."""
    with pytest.raises(ConnectionClosed) as refused:
        await talk(mine, headers, **how)
    return refused.value


async def test_a_chat_runs_in_the_scope_of_its_user() -> None:
    said = json.loads(await talk(None, ADAS_KEY))
    assert (said["user"], said["keys"]) == ("ada", {"acme": KEY})


async def test_another_key_than_the_enrolled_one_closes_it_with_4003_and_the_providers_name() -> None:
    mine = policy()
    mine.enrol("ada", "acme", OTHER)
    end = (await closed(mine, ADAS_KEY)).rcvd
    assert end is not None
    assert end.code == 4003
    assert "'acme'" in end.reason
    assert "canary" not in end.reason
    assert len(end.reason.encode()) <= LONGEST_REASON


async def test_a_subprotocol_that_the_client_offers_is_taken_so_that_it_learns_the_code() -> None:
    end = (await closed(None, {"X-BYOK-Acme": " "}, subprotocols=("chat.v2", "chat.v1"))).rcvd
    assert end is not None
    assert end.code == 4400


@pytest.mark.parametrize("header", ["X-BYOK-Acmee", f"X-BYOK-{'N' * 3000}", "X-BYOK-Endpoint-URL"])
async def test_a_header_that_cant_be_used_closes_it_with_4400(header: str) -> None:
    end = (await closed(None, ADA | {header: KEY})).rcvd
    assert end is not None
    assert end.code == 4400
    assert "canary" not in end.reason


async def test_a_store_that_is_down_closes_it_with_4503() -> None:
    end = (await closed(policy(FailingStore()), ADAS_KEY)).rcvd
    assert end is not None
    assert end.code == 4503
    assert "DriverError" not in end.reason


def test_starlettes_own_client_has_the_same_conversation() -> None:
    with TestClient(behind(application(Heard()))) as client:
        with client.websocket_connect("/chat", headers={**ADAS_KEY}) as socket:
            socket.send_text("hello")
            assert socket.receive_json()["keys"] == {"acme": KEY}
        with client.websocket_connect("/chat", headers=ADA | {"X-BYOK-Acme": ""}) as socket:
            assert socket.receive()["code"] == 4400


async def test_a_client_that_leaves_before_it_is_accepted_hears_nothing() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Message = {"type": "websocket", "path": "/chat", "headers": [(b"x-byok-acme", b"")]}
    await asyncio.wait_for(behind(application(Heard()))(scope, receive, send), 20)
    assert sent == []


async def test_a_reason_of_many_bytes_is_cut_between_two_characters() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    name = f"x-byok-{'k' * 39}".encode()
    scope: Message = {"type": "websocket", "path": "/chat", "headers": [(name, b"x")]}
    await behind(application(Heard()))(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert len(sent[1]["reason"].encode()) <= LONGEST_REASON
