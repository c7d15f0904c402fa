"""The README keeps its word: its Python runs, its tables parse, its commands exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from app.llm import TomlProfileRepository
from tests.llm.services import HONOURS

FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:uv run )?(make|pointsman)((?: .*)?)$")
SHELL = {"", "bash", "console", "sh"}
PLATFORM_KEYS = (
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "PERPLEXITY_API_KEY",
)


@pytest.fixture(scope="module")
def readme(project_root: Path) -> str:
    return (project_root / "README.md").read_text(encoding="utf-8")


def commands(readme: str, name: str) -> set[tuple[str, ...]]:
    """What the README tells a reader to type after `name`: in shell blocks and in code spans."""
    blocks = [code for language, code in FENCED.findall(readme) if language in SHELL]
    lines = [line for code in blocks for line in code.splitlines()] + SPAN.findall(FENCED.sub("", readme))
    parts = [part.strip() for line in lines for part in re.split(r"&&|;|\|", line)]
    found = [match.groups() for part in parts if (match := COMMAND.match(part))]
    return {tuple(shlex.split(rest, comments=True)) for command, rest in found if command == name}


def test_every_python_example_runs(project_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PLATFORM_KEYS:
        monkeypatch.setenv(name, "sk-of-an-example")
    monkeypatch.chdir(project_root)
    document = Document.parse(str(project_root / "README.md"), PythonCodeBlockParser())
    examples = list(document.examples())
    assert examples
    for example in examples:
        example.evaluate()


def test_every_toml_example_is_a_catalog_over_the_shipped_one(readme: str, tmp_path: Path) -> None:
    examples = [code for language, code in FENCED.findall(readme) if language == "toml"]
    assert examples
    for number, code in enumerate(examples):
        directory = tmp_path / str(number)
        directory.mkdir()
        (directory / "own.toml").write_text(code, encoding="utf-8")
        assert TomlProfileRepository(HONOURS, directory=directory).catalog().features


def test_every_make_target_exists(readme: str, project_root: Path) -> None:
    make = shutil.which("make")
    assert make, "the project is driven by make"
    targets = {word for words in commands(readme, "make") for word in words if re.fullmatch(r"[a-z-]+", word)}
    assert {"demo", "test"} <= targets
    subprocess.run([make, "--dry-run", *sorted(targets)], cwd=project_root, capture_output=True, check=True)


def test_every_command_exists_with_its_options(readme: str) -> None:
    named = commands(readme, "pointsman")
    assert named
    for words in sorted(named):
        path = [word for word in words if re.fullmatch(r"[a-z][a-z_-]*", word)]
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        page = help_page(path)
        assert {option for option in options if option not in page} == set(), words


def help_page(path: list[str]) -> str:
    command = [str(Path(sys.executable).parent / "pointsman"), *path, "--help"]
    environment = {"COLUMNS": "200", "TERM": "dumb"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
