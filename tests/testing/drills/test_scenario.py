"""Scenarios: what may be written, and what is said of what makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import InputError
from app.testing.drills.plays import Play, plays_of
from app.testing.drills.reading import read_scenario
from app.testing.faults.table import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
about = "A bad morning"
features = ["summary"]

[callers.platform]
keys = []

[callers.ada]
keys = ["acme", "nova"]

[[plays]]
faults = ["unavailable", "stall"]
times = 2
callers = ["ada"]

[[plays]]
script = ["bad_json", "ok", "cut"]

[[plays]]
at = "all"
faults = ["connect_refused", "connect_refused"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bad_day.toml"


def test_a_scenario_says_what_is_played_to_whom(file: Path) -> None:
    file.write_text(GOOD, encoding="utf-8")
    scenario = read_scenario(file)
    assert scenario.features == ("summary",)
    everyone = [Play("", script=("bad_json", "ok", "cut")), Play("connect_refused", at="all")]
    assert list(plays_of(scenario, "platform")) == everyone
    assert list(plays_of(scenario, "ada")) == [
        Play("unavailable", times=2),
        Play("stall", times=2),
        *everyone,
    ]


def test_without_callers_the_platform_calls(file: Path) -> None:
    file.write_text('[[plays]]\nfaults = ["ok"]', encoding="utf-8")
    assert list(read_scenario(file).callers) == ["platform"]


def test_the_matrix_that_comes_along_plays_every_fault() -> None:
    matrix = read_scenario()
    played = {
        fault for caller in matrix.callers for play in plays_of(matrix, caller) for fault in play.faults
    }
    assert played == set(FAULTS)


def test_a_scenario_can_be_played_to_one_user() -> None:
    matrix = read_scenario().as_user(["acme"])
    assert {name: row.keys for name, row in matrix.callers.items()} == {"user": ("acme",)}
    assert {fault for play in plays_of(matrix, "user") for fault in play.faults} == set(FAULTS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plays = 3", ":1: plays: "),
        ("about = 1\n\n[[plays]]\nfaults = ['ok']", ":1: about: "),
        ("[[plays]]\nfaults = ['ok', 'unavailabel']", ":2: plays.0.faults.1: unknown fault 'unavailabel'"),
        ("[[plays]]\nfaults = ['stal']", "did you mean 'stall'?"),
        ("[[plays]]\ntime = 3\nfaults = ['ok']", ":2: unknown key 'time'; did you mean 'times'?"),
        ("featurs = []\n[[plays]]\nfaults = ['ok']", ":1: unknown key 'featurs'; did you mean 'features'?"),
        ("[callers.a]\nkey = []\n[[plays]]\nfaults = ['ok']", ":2: unknown key 'key'; did you mean 'keys'?"),
        (
            "[[plays]]\nfaults = ['ok']\n\n[[plays]]\ntimes = 1",
            ":4: plays.1: write either faults or a script",
        ),
        ("[[plays]]\nfaults = ['ok']\nscript = ['ok']", ":1: plays.0: write either faults or a script"),
        ("[[plays]]\nscript = ['ok']\ntimes = 2", "a script says where and how often itself"),
        ("[[plays]]\ntimes = 2\nfaults = ['connect_refused']", "connect_refused holds for a whole address"),
        ("[[plays]]\nscript = ['connect_refused']", "connect_refused holds for a whole address"),
        ("[[plays]]\nfaults = ['ok']\ntimes = 0", ":3: plays.0.times: "),
        ("[[plays]]\nfaults = ['ok']\ncallers = ['ada']", ":3: unknown caller 'ada'"),
        ("[callers.a]\nkeys = 'last'\n[[plays]]\nfaults = ['ok']", ":2: callers.a.keys"),
        ("about = ", "can't be read: "),
        ("", "plays: Field required"),
        ("plays = []", "there is nothing to play"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_place(file: Path, text: str, problem: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_scenario(file)
    assert str(caught.value).startswith(str(file))
    assert problem in str(caught.value)


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file(file: Path) -> None:
    file.write_text("abut = ''\n[[plays]]\nfaults = ['a']\n[[plays]]\nfaults = ['b']", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_scenario(file)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        f"{file}:{n}" for n in (1, 3, 5)
    ]


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_an_error(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="can't be read"):
        read_scenario(file)
