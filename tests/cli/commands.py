"""The command line in this process, over a container that a test gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner, Result

from app.cli import application
from app.cli.session import Session, whole_container
from app.containers import Container

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.settings import Settings
    from tests.folders.client_cache import ScriptedClientCache

KEYS = {
    f"{name}_API_KEY": f"{name.lower()}-platform-key"
    for name in ("OPENAI", "GEMINI", "OPENROUTER", "ANTHROPIC", "PERPLEXITY")
}


def pointsman(
    *words: object, stdin: str | bytes | None = None, make: Callable[[Settings], Any] = whole_container
) -> Result:
    """Run a command as the shell would; `make` makes its container."""
    return CliRunner().invoke(application(), [str(word) for word in words], input=stdin, obj=Session(make))


def over(cache: ScriptedClientCache) -> Callable[[Settings], Any]:
    """Return what makes a container whose models are scripted."""
    return lambda settings: Container(settings=settings, client_cache=cache)


def row(number: int, **more: object) -> dict[str, Any]:
    """Return a conversation with three folders, of which f2 is right."""
    folders = [
        {"id": f"work-{number}", "name": "Work", "category_mapping": "work"},
        {"id": f"trips-{number}", "name": "Trips", "description": None},
        {"id": f"inbox-{number}", "name": "Inbox", "is_default": True},
    ]
    conversation = {"title": f"talk {number}", "overview": "Night trains", "category": "travel"}
    given = {"id": f"c{number}", "user_folders": folders, "conversation": conversation}
    return given | {"expected_folder_id": f"trips-{number}"} | more


def write(path: Path, *lines: object) -> Path:
    """Write a file of lines: texts and bytes as they are, everything else as JSON."""

    def content(line: object) -> bytes:
        if isinstance(line, bytes):
            return line
        return (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)).encode()

    path.write_bytes(b"".join(content(line) + b"\n" for line in lines))
    return path


def results(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file of results."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
