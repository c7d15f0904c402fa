"""Drills: real calls of real plans, to a server that fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container
from app.errors import InputError, UnknownFeature, UnknownProvider
from app.llm import InMemoryProfileRepository
from app.llm.rates.port import RateKey
from app.testing import drill, forbid_real_requests
from app.testing.drills.drilling import Drill
from app.testing.drills.player import Player
from app.testing.drills.plays import Play
from app.testing.drills.reading import read_scenario
from app.testing.drills.report import named
from app.testing.drills.stage import NoRates
from app.testing.drills.subjects import subject_of
from app.testing.faults.server import FaultServer
from tests.llm.services import HONOURS
from tests.testing.drills.subjects import ACME, LUMEN, TABLES, container, group_of, provider, scenario

if TYPE_CHECKING:
    from pathlib import Path

    from app.testing import DrillReport
    from app.testing.drills.report import Cell
    from app.testing.drills.scenario import Scenario

ONE_A_DAY = {"match": ["*"], "payer": "platform", "limits": ["1/day"]}
SILENT = {"slow_first_token", "stall"}
QUICK: dict[str, Any] = {
    "providers": {name: row for name, row in TABLES["providers"].items() if name != "nova"},
    "features": {"quick": {"about": "Streamed", "needs": ["streaming"], "deadline_s": 1.0, "chunk_s": 0.3}},
    "profiles": {"premium": {"routes": {"quick": {**ACME, "fallbacks": [LUMEN]}}}},
}


def without_silence(given: Scenario) -> Scenario:
    """Return a scenario without the faults that take their time."""
    rows = [
        row.model_copy(update={"faults": tuple(name for name in row.faults if name not in SILENT)})
        for row in given.plays
    ]
    return given.model_copy(update={"plays": tuple(row for row in rows if row.faults)})


@pytest.fixture(scope="module")
def report() -> DrillReport:
    return drill(container(), scenario=without_silence(read_scenario()))


def cell(
    report: DrillReport, feature: str, fault: str, where: str = "first hop, always", **more: str
) -> Cell:
    wanted = {"caller": "platform", "fault": fault, "where": where, **more}
    found = [
        one
        for one in report.cells
        if feature in one.features and all(getattr(one, name) == value for name, value in wanted.items())
    ]
    assert len(found) == 1
    return found[0]


def test_every_policy_holds_in_the_matrix(report: DrillReport) -> None:
    assert not report.broken, report
    assert report.finished
    assert report.features == sorted(TABLES["features"])
    assert str(report).endswith("for 6 features in profile premium: every policy held")


@pytest.mark.parametrize(
    ("feature", "fault", "promised"),
    [
        ("summary", "ok", ("answered", "swift:acme", 1)),
        ("summary", "unavailable", ("ProviderUnavailable", None, 2)),
        ("summary", "bad_key", ("PlatformKeyRejected", None, 1)),
        ("filing", "unavailable", ("answered", "comet:nova", 3)),
        ("filing", "connect_refused", ("answered", "comet:nova", 3)),
        ("filing", "bad_key", ("answered", "comet:nova", 2)),
        ("filing", "context_overflow", ("answered", "comet:nova", 2)),
        ("filing", "schema_violation", ("answered", "comet:nova", 3)),
        ("filing", "content_filter", ("ContentFiltered", None, 1)),
        ("filing", "invalid_request", ("InvalidRequest", None, 1)),
        ("agent", "rate_limited_long", ("answered", "swift:acme", 2)),
        ("agent", "cut", ("StreamBroken", None, 1)),
        ("chat", "no_finish", ("StreamBroken", None, 1)),
        ("guard", "unavailable", ("ProviderUnavailable", None, 1)),
    ],
)
def test_a_fault_has_the_outcome_that_the_plan_promises(
    report: DrillReport, feature: str, fault: str, promised: tuple[str, str | None, int]
) -> None:
    found = cell(report, feature, fault, where="" if fault == "ok" else "first hop, always")
    assert (found.outcome, found.served_by, found.attempts) == promised
    assert found.payer == ("platform" if found.served_by else None)
    assert found.requests == (found.attempts if fault != "connect_refused" else 1)


def test_what_passes_is_asked_again_at_the_same_hop(report: DrillReport) -> None:
    found = cell(report, "filing", "bad_json", where="first hop, once")
    assert (found.served_by, found.attempts, found.degraded_because) == ("swift:acme", 2, None)


def test_the_bill_moves_only_where_the_feature_says_so(report: DrillReport) -> None:
    moved = cell(report, "chat", "bad_key", caller="user")
    assert (moved.outcome, moved.payer, moved.degraded_because) == ("answered", "platform", "auth")
    kept = cell(report, "summary", "bad_key", caller="user")
    assert (kept.outcome, kept.payer) == ("UserKeyRejected", None)


def test_features_that_are_alike_are_one_row_and_all_named(report: DrillReport) -> None:
    assert cell(report, "notes", "unpaid").features == ("notes", "summary")


def test_a_report_is_plain_data_without_keys_and_prompts(report: DrillReport) -> None:
    written = json.dumps(report.to_dict())
    assert json.loads(written)["broken"] == []
    assert len(json.loads(written)["cells"]) == len(report.cells)
    assert "drill-" not in written
    assert "train" not in written
    assert [(one["feature"], one["caller"]) for one in report.to_dict()["unplayed"]] == [("guard", "user")]


def test_silence_ends_at_the_limits_of_the_plan() -> None:
    found = drill(container(QUICK), scenario=scenario(*sorted(SILENT), at="all"))
    assert not found.broken, found
    assert {one.fault: one.outcome for one in found.cells} == {
        "slow_first_token": "ProviderTimeout",
        "stall": "StreamBroken",
    }


def test_a_catalog_alone_can_be_drilled() -> None:
    catalog = InMemoryProfileRepository(TABLES, HONOURS).catalog()
    found = drill(catalog, features=["summary", "agent"], scenario=scenario("ok"), profile="small")
    assert not found.broken, found
    assert found.features == ["summary"]
    assert found.profile == "small"


def test_a_scenario_comes_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "day.toml"
    file.write_text('about = "A day"\nfeatures = ["chat"]\n[[plays]]\nscript = ["unpaid", "ok"]', "utf-8")
    found = drill(container(), scenario=str(file))
    (one,) = found.cells
    assert (found.about, one.fault, one.where, one.served_by) == (
        "A day",
        "unpaid, ok",
        "by request",
        "swift:acme",
    )
    file.write_text("plays = []", "utf-8")
    with pytest.raises(InputError):
        drill(container(), scenario=file)


def test_names_that_nobody_declared_are_refused_before_anything_is_played() -> None:
    with pytest.raises(UnknownFeature, match="summry"):
        drill(container(), features=["summry"], scenario=scenario("ok"))
    with pytest.raises(UnknownProvider, match="acmee"):
        drill(container(), scenario=scenario("ok", callers={"ada": {"keys": ["acmee"]}}))


def test_a_drill_that_is_interrupted_keeps_what_it_has_played() -> None:
    run = Drill(subject_of(container()), scenario("ok", "unavailable"), ["summary", "chat"])
    playing = run.run()
    next(playing)
    playing.close()
    shown = run.report.to_dict()
    assert (shown["finished"], len(shown["cells"])) == (False, 1)
    assert "interrupted" in str(run.report)
    assert len(list(run.run())) == len(run.turns) - 1
    assert run.report.finished
    assert len(run.report.cells) == len(run.turns)


def test_a_plan_that_does_more_than_it_said_is_found_out() -> None:
    generous = TABLES | {"features": TABLES["features"] | {"guard": {"about": "", "attempts": 3}}}
    subject = subject_of(container(generous))
    with FaultServer(TABLES["providers"]) as server:
        found = Player(subject, server).play(group_of("guard"), Play("unavailable"))
    assert found.broken == ("3 attempts were made, and the plan has 1",)


def test_nothing_of_the_environment_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("ACME_API_KEY", "sk-a-real-one")
    found = drill(container(), features=["summary"], scenario=scenario("ok"))
    assert not found.broken, found


def test_a_ban_on_real_requests_stands_in_no_drills_way() -> None:
    with forbid_real_requests(Container):
        found = drill(container(), features=["summary"], scenario=scenario("ok"))
    assert not found.broken, found


def test_a_provider_without_an_address_is_drilled_too() -> None:
    own = TABLES["providers"] | {"lumen": provider("anthropic", "lumen", base_url=None, own_endpoint=True)}
    found = drill(container(TABLES | {"providers": own}), features=["guard"], scenario=scenario("ok"))
    assert not found.broken, found
    assert found.cells[0].money == "unknown"


async def test_limits_of_our_own_hold_no_drill_up() -> None:
    limited = {"acme": TABLES["providers"]["acme"] | {"rates": [ONE_A_DAY]}}
    found = drill(
        container(TABLES | {"providers": TABLES["providers"] | limited}),
        features=["summary"],
        scenario=scenario("unavailable"),
    )
    assert [one.attempts for one in found.cells] == [2]
    assert await NoRates().atake(RateKey("acme", "swift", "platform"), ("1/day",)) == 0.0


def test_many_features_are_named_by_a_few() -> None:
    assert named(("a", "b", "c")) == "a, b, c"
    assert named(("a", "b", "c", "d")) == "a, b and 2 more"
