"""Ctrl-C, in a process of its own: nothing that was finished is lost, and the run can go on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.commands import results, row, write
from tests.folders.client_cache import answer
from tests.servers.models import SSE, openai_body, openai_events
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.wire import Received

COMMAND = str(Path(sys.executable).parent / "pointsman")
TALKS = 5


@contextmanager
def started(*words: object, origin: str = "") -> Iterator[subprocess.Popen[str]]:
    environment = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{origin}/v1", "PATH": ""}
    pipe = subprocess.PIPE
    command = [COMMAND, *(str(word) for word in words)]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_interrupted_run_keeps_what_was_finished_and_goes_on_with_resume(tmp_path: Path) -> None:
    given = write(tmp_path / "talks.jsonl", *(row(n) for n in range(1, TALKS + 1)))
    out, gate = tmp_path / "out.jsonl", Gate()

    def says(received: Received) -> Answer:
        content = received.json["messages"][-1]["content"]
        if "talk 1" in content or "talk 2" in content or not interrupting:
            return Answer(openai_body(answer("f2")))
        return Answer(parts=[gate, openai_body(answer("f2"))])

    interrupting = True
    words = ("folders", "assign", given, "--out", out, "--concurrency", 1)
    with running(says) as server:
        with started(*words, origin=server.origin) as process:
            for _ in range(3):
                server.next_arrival()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
        assert [line["id"] for line in results(out)] == ["c1", "c2"]
        assert "2 of 2 conversations filed" in stdout
        assert (
            f"go on with: pointsman folders assign {given} --out {out} --profile premium --resume" in stderr
        )
        assert "Traceback" not in stderr

        interrupting = False
        with started(*words, "--resume", "--json", origin=server.origin) as process:
            stdout, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert [line["id"] for line in results(out)] == [f"c{n}" for n in range(1, TALKS + 1)]
    assert json.loads(stdout)["from_earlier_runs"] == 2


def test_a_result_is_in_the_file_as_soon_as_it_is_there(tmp_path: Path) -> None:
    given = write(tmp_path / "talks.jsonl", row(1), row(2))
    out, gate = tmp_path / "out.jsonl", Gate()

    def says(received: Received) -> Answer:
        if "talk 1" in received.json["messages"][-1]["content"]:
            return Answer(openai_body(answer("f2")))
        return Answer(parts=[gate, openai_body(answer("f2"))])

    words = ("folders", "assign", given, "--out", out, "--concurrency", 1)
    with running(says) as server, started(*words, origin=server.origin) as process:
        server.next_arrival()
        server.next_arrival()
        assert [line["id"] for line in results(out)] == ["c1"]
        gate.open()
        process.communicate(timeout=PATIENCE_S)
    assert [line["id"] for line in results(out)] == ["c1", "c2"]


def test_an_interrupted_stream_ends_cleanly_after_what_was_said(tmp_path: Path) -> None:
    gate = Gate()
    events = openai_events()
    answered = Answer(parts=[*events[:2], gate, *events[2:]], headers=SSE)
    words = ("chat", "chat_responses", "Hi", "--stream")
    with running(lambda _: answered) as server, started(*words, origin=server.origin) as process:
        assert process.stdout is not None
        said = process.stdout.read(len("Hello "))
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert said == "Hello "
    assert process.returncode == 130
    assert "Traceback" not in stderr
