"""The shape of the house, and what importing it may cost."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 30
# pydantic asks for its plugins' switch whenever a model class is defined, whoever defines it.
READ_BY_PYDANTIC = {"PYDANTIC_DISABLE_PLUGINS"}
SDKS = (
    "aiohttp",
    "anthropic",
    "genai_prices",
    "google.genai",
    "httpx",
    "httpx2",
    "langchain_anthropic",
    "langchain_core",
    "langchain_google_genai",
    "langchain_openai",
    "langsmith",
    "limits",
    "openai",
    "redis",
    "xllamacpp",
)


def files(root: Path, *folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def within(modules: list[str], packages: tuple[str, ...]) -> list[str]:
    return [name for name in modules if any(f"{name}.".startswith(f"{package}.") for package in packages)]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run in a fresh process whose environment holds what is given here and nothing else."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def probe(root: Path, *names: str) -> dict[str, Any]:
    done = run([sys.executable, str(root / "tests" / "import_probe.py"), *names])
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def composition_root(project_root: Path) -> dict[str, Any]:
    return probe(project_root, "app.containers")


def test_no_file_is_longer_than_a_reader_can_hold(project_root: Path) -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for path in files(project_root, "src", "tests", "examples", "benchmarks")
    }
    assert lengths
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES_OF_A_FILE} == {}


def test_no_function_of_the_package_is_longer_than_a_screen(project_root: Path) -> None:
    too_long = [
        f"{path}:{node.lineno} {node.name}"
        for path in files(project_root, "src")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if lines_of_code(node) > MOST_LINES_OF_A_FUNCTION
    ]
    assert too_long == []


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[1:] if ast.get_docstring(function) else function.body
    start = first[0].lineno if first else function.lineno
    return (function.end_lineno or start) - start + 1


def test_importing_the_composition_root_loads_no_sdk(composition_root: dict[str, Any]) -> None:
    assert "app.containers" in composition_root["modules"]
    assert within(composition_root["modules"], SDKS) == []


def test_importing_the_composition_root_touches_no_socket(composition_root: dict[str, Any]) -> None:
    assert composition_root["socket_events"] == []


def test_importing_the_composition_root_reads_no_environment_variable(
    composition_root: dict[str, Any],
) -> None:
    assert set(composition_root["environment_reads"]) <= READ_BY_PYDANTIC


def test_the_probe_would_notice_each_of_these(project_root: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os, socket, httpx\nos.getenv('SEEN')\n'ALSO' in os.environ\nsocket.socket().close()\n",
        encoding="utf-8",
    )
    script = "import sys; sys.path[:0] = sys.argv[1:]; import import_probe; import_probe.main(['app'])"
    done = run([sys.executable, "-c", script, str(tmp_path), str(project_root / "tests")])
    report = json.loads(done.stdout)
    assert report["environment_reads"] == ["SEEN", "ALSO"]
    assert "socket.__new__" in report["socket_events"]
    assert "httpx" in within(report["modules"], SDKS)


def test_listing_the_routes_does_not_load_langchain() -> None:
    command = str(Path(sys.executable).parent / "pointsman")
    done = run([command, "routes", "list"], PYTHONPROFILEIMPORTTIME="1")
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    loaded = [line.rpartition("|")[2].strip() for line in lines]
    assert "app.cli" in loaded
    assert within(loaded, SDKS) == []
