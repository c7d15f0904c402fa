"""`pointsman drill`."""

from __future__ import annotations

import json
import logging
import signal
from typing import TYPE_CHECKING

import pytest

from app.cli.drill import COLUMNS, quiet, show, watched
from app.containers import Container
from app.llm.byok.resolver import BYOKResolver, Choice
from app.testing.drills.drilling import Drill
from app.testing.drills.subjects import subject_of
from tests.cli.commands import pointsman
from tests.cli.test_interruption import started
from tests.servers.running import PATIENCE_S
from tests.testing.drills.subjects import container, scenario

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from app.llm.catalog.model import Catalog, Feature
    from app.testing.drills.report import Cell

CATALOG = """
[providers.acme]
protocol = "openai_compatible"
base_url = "https://api.acme.example/v1"
key_env = "ACME_API_KEY"

[providers.lumen]
protocol = "anthropic"
base_url = "https://api.lumen.example"
key_env = "LUMEN_API_KEY"

[features.summary]
about = "A text"

[features.notes]
about = "A text, alike"

[features.guard]
about = "The platform's"
payer = "platform_only"

[profiles.premium.routes]
summary = { provider = "acme", model = "swift", fallbacks = [{ provider = "lumen", model = "ray" }] }
notes = { provider = "acme", model = "swift", fallbacks = [{ provider = "lumen", model = "ray" }] }
guard = { provider = "lumen", model = "ray" }
"""
DAY = """
[[plays]]
faults = ["ok", "unavailable", "bad_key"]
"""


@pytest.fixture
def words(tmp_path: Path) -> tuple[object, ...]:
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    (catalog / "own.toml").write_text(CATALOG, encoding="utf-8")
    day = tmp_path / "day.toml"
    day.write_text(DAY, encoding="utf-8")
    return "drill", "--catalog", catalog, "--catalog-mode", "replace", "--scenario", day


def test_a_table_shows_what_comes_of_each_fault(words: tuple[object, ...]) -> None:
    played = pointsman(*words)
    assert played.exit_code == 0, played.output
    lines = [line.split() for line in played.stdout.splitlines()]
    assert [one for one in lines if one[:1] == ["fault"]] == [
        [word for name in COLUMNS for word in name.split()]
    ] * 2
    assert ["notes,", "summary"] in lines
    assert (
        "called by platform: swift:acme (platform) > ray:lumen (platform), at most 4 attempts"
        in played.stdout
    )
    found = {(one[0], *one[4:8]) for one in lines if one[:1] in (["unavailable"], ["bad_key"])}
    assert ("unavailable", "answered", "ray:lumen", "platform", "3") in found
    assert ("bad_key", "answered", "ray:lumen", "platform", "2") in found
    assert ("unavailable", "ProviderUnavailable", "-", "-", "2") in found
    assert played.stdout.splitlines()[-1] == "6 calls for 3 features in profile premium: every policy held"


def test_json_holds_the_same(words: tuple[object, ...]) -> None:
    played = json.loads(pointsman(*words, "-f", "summary", "--json").stdout)
    assert [(one["fault"], one["outcome"], one["served_by"]) for one in played["cells"]] == [
        ("ok", "answered", "swift:acme"),
        ("unavailable", "answered", "ray:lumen"),
        ("bad_key", "answered", "ray:lumen"),
    ]
    assert played["finished"]
    assert played["broken"] == []


def test_a_user_with_keys_can_be_played_instead(words: tuple[object, ...]) -> None:
    played = pointsman(*words, "--user-key", "acme")
    assert played.exit_code == 0, played.output
    assert "called by user: swift:acme (user), at most 2 attempts" in played.stdout
    assert "UserKeyRejected" in played.stdout
    assert "not played: guard, called by user: no user's key serves it" in played.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("-f", "sumary"), "unknown feature 'sumary'; did you mean 'summary'?"),
        (("--user-key", "acmee"), "unknown provider 'acmee'; did you mean 'acme'?"),
        (("--profile", "premum"), "unknown profile 'premum'; did you mean 'premium'?"),
        (("--scenario", "nowhere.toml"), "nowhere.toml: can't be read"),
    ],
)
def test_wrong_usage_ends_with_two(words: tuple[object, ...], more: tuple[str, ...], said: str) -> None:
    played = pointsman(*words, *more)
    assert played.exit_code == 2
    assert said in played.stderr


class Wandering(BYOKResolver):
    """A resolver that chooses another route than it said at first."""

    def __init__(self) -> None:
        self._asked = 0

    def choose(self, catalog: Catalog, feature: Feature, profile: str, keys: frozenset[str] | None) -> Choice:
        self._asked += 1
        other = feature if self._asked == 1 else catalog.feature("guard")
        return super().choose(catalog, other, profile, keys)


def test_a_broken_policy_ends_with_one_and_is_said(words: tuple[object, ...]) -> None:
    resolver = Wandering()
    played = pointsman(
        *words,
        "-f",
        "summary",
        make=lambda settings: Container(settings=settings, byok_resolver=resolver),
    )
    assert played.exit_code == 1
    assert "policies were broken" in played.stdout
    assert "BROKEN: " in played.stdout


def test_an_interrupted_drill_shows_what_it_has_played(words: tuple[object, ...], tmp_path: Path) -> None:
    (tmp_path / "day.toml").write_text(
        '[[plays]]\nfaults = ["ok"]\n[[plays]]\nat = "all"\nfaults = ["stall", "slow_first_token"]',
        encoding="utf-8",
    )
    with started(*words, "--json") as process:  # a silence lasts for seconds
        assert process.stderr is not None
        assert process.stderr.readline() == "pointsman: playing 6 calls\n"
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    played = json.loads(stdout)
    assert not played["finished"]
    assert len(played["cells"]) < 6


class Stopped(Drill):
    """A drill that somebody interrupts after its first call."""

    def run(self) -> Generator[Cell]:
        yield next(super().run())
        raise KeyboardInterrupt


def test_ctrl_c_leaves_the_report_of_what_was_played(capsys: pytest.CaptureFixture[str]) -> None:
    run = Stopped(subject_of(container()), scenario("ok", "unavailable"), ["summary"])
    assert not watched(run)
    show(run.report, as_json=False)
    said = capsys.readouterr()
    assert "interrupted after 1 of 2 calls" in said.err
    assert said.out.splitlines()[-1] == (
        "1 call for 1 feature in profile premium, interrupted: every policy held"
    )


def test_what_sdks_log_stays_off_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():
        logging.getLogger("an.sdk").warning("a fault")
    assert not capsys.readouterr().err
