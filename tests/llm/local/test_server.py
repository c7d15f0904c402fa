from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from signal import SIGINT
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from openai import OpenAI

from app.errors import ResourceClosed, SettingsError
from app.llm.local import MODEL_NAME, EmbeddedServer

FORGETFUL = """
import json, sys, threading, urllib.request
from app.llm.local import EmbeddedServer

server = EmbeddedServer()
body = {"messages": [{"role": "user", "content": "Tell a story."}], "max_tokens": 30, "stream": True}
request = urllib.request.Request(
    server.start() + "/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
)
answer = urllib.request.urlopen(request)
answer.readline()
print("answering", flush=True)
if "wait" in sys.argv:
    threading.Event().wait()
"""


def answer(url: str, tokens: int = 3) -> int:
    with OpenAI(base_url=url, api_key="not used", max_retries=0) as client:
        reply = client.chat.completions.create(
            model=MODEL_NAME, messages=[{"role": "user", "content": "Hello"}], max_tokens=tokens
        )
    assert reply.usage is not None
    return reply.usage.completion_tokens


def test_a_server_that_was_never_started_has_no_address_and_can_be_closed() -> None:
    server = EmbeddedServer()
    assert server.base_url is None
    server.close()
    with pytest.raises(ResourceClosed, match="closed"):
        server.start()


def test_callers_that_come_at_once_share_one_start(new_server: EmbeddedServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        urls = {future.result() for future in [pool.submit(new_server.start) for _ in range(8)]}
    assert urls == {new_server.base_url}
    assert answer(urls.pop()) > 0


def test_it_listens_on_loopback(running: EmbeddedServer) -> None:
    assert running.start().startswith("http://127.0.0.1:")
    assert running.start().endswith("/v1")


def test_nothing_listens_after_close(new_server: EmbeddedServer) -> None:
    url = new_server.start()
    new_server.close()
    new_server.close()
    assert new_server.base_url is None
    with pytest.raises(URLError):
        urlopen(f"{url}/models")  # noqa: S310 - an address of this machine
    with pytest.raises(ResourceClosed):
        new_server.start()


def test_closing_one_server_leaves_another_at_work(
    new_server: EmbeddedServer, running: EmbeddedServer
) -> None:
    assert new_server.start() != running.start()
    new_server.close()
    assert answer(running.start()) > 0


def test_close_lets_an_answer_under_way_come_to_its_end(new_server: EmbeddedServer) -> None:
    with OpenAI(base_url=new_server.start(), api_key="not used", max_retries=0) as client:
        stream = client.chat.completions.create(
            model=MODEL_NAME,
            messages=[{"role": "user", "content": "Tell a story."}],
            max_tokens=20,
            temperature=0,
            stream=True,
        )
        next(stream)
        new_server.close()
        assert [chunk.choices[0].finish_reason for chunk in stream][-1] == "length"


@pytest.mark.usefixtures("_weights")
def test_a_taken_port_is_an_error_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)):
            EmbeddedServer(port=port).start()


@pytest.mark.usefixtures("_weights")
def test_it_takes_the_port_that_it_is_given() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with EmbeddedServer(port=port) as server:
        assert server.base_url == f"http://127.0.0.1:{port}/v1"


@pytest.mark.usefixtures("_weights")
def test_a_process_that_forgets_to_close_ends_well_and_writes_nothing_of_its_own() -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORGETFUL], capture_output=True, text=True, check=False, timeout=300
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "answering\n", "")


@pytest.mark.usefixtures("_weights")
def test_ctrl_c_ends_a_process_that_serves() -> None:
    command = [sys.executable, "-c", FORGETFUL, "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "answering\n"
        process.send_signal(SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == -SIGINT
    assert errors.endswith("KeyboardInterrupt\n")
