"""`pointsman folders assign`, from the file of conversations to the file of results."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from app.llm.failures import REJECTED_KEY
from tests.cli.commands import over, pointsman, results, row, write
from tests.folders.client_cache import ScriptedClientCache, answer
from tests.folders.test_assigner import RefusedByServer

pytestmark = pytest.mark.usefixtures("_keys")


def mostly_right(message: str) -> str:
    """Right about all talks but the second; not sure about the third."""
    if "talk 2" in message:
        return answer("f1")
    return answer("f2", 0.1 if "talk 3" in message else 0.9)


def assign(*words: object, says: object = mostly_right, exit_code: int = 0) -> str:
    """Run the command with a scripted model; return all that it printed."""
    cache = ScriptedClientCache(says)  # type: ignore[arg-type]
    ended = pointsman("folders", "assign", *words, make=over(cache))
    assert ended.exit_code == exit_code, ended.output
    return ended.output


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return write(
        tmp_path / "talks.jsonl", row(1, kind="a"), row(2, kind="a"), row(3, kind="b"), row(4, kind="b")
    )


def test_each_conversation_gets_a_line_with_its_folder_and_how_that_came_about(given: Path) -> None:
    assign(given)
    filed = sorted(results(given.with_name("talks.assigned.jsonl")), key=lambda line: line["line"])
    assert [(line["line"], line["id"], line["folder_id"], line["status"]) for line in filed] == [
        (1, "c1", "trips-1", "accepted"),
        (2, "c2", "work-2", "accepted"),
        (3, "c3", "inbox-3", "low_confidence_defaulted"),
        (4, "c4", "trips-4", "accepted"),
    ]
    assert filed[0]["answered_by"] == "model"
    assert filed[0]["tokens"] == {"read": 10, "written": 2}
    assert filed[0]["failure"] is None


def test_the_table_counts_by_status_and_tells_the_models_answers_from_the_fallbacks(given: Path) -> None:
    table = assign(given)
    rows = [line.split() for line in table.splitlines()]
    assert "4 of 4 conversations filed" in table
    assert ["all", "4", "0.500", "(2", "of", "4)"] in rows
    assert ["the", "model's", "answers", "3", "0.667", "(2", "of", "3)"] in rows
    assert ["the", "fallback's", "answers", "1", "0.000", "(0", "of", "1)"] in rows
    assert ["low_confidence_defaulted", "1"] in rows
    assert ["a", "2", "0.500", "(1", "of", "2)"] in rows
    assert ["40", "8"] in [row[:2] for row in rows]


def test_as_json_the_same_is_counted(given: Path, tmp_path: Path) -> None:
    record = json.loads(assign(given, "--json", "--out", tmp_path / "o.jsonl"))
    assert record["finished"] is True
    assert record["results"] == str(tmp_path / "o.jsonl")
    assert (record["conversations"], record["filed"]) == (4, 4)
    assert record["all"]["accuracy"] == 0.5
    assert record["answered_by"]["model"] == {"count": 3, "labelled": 3, "right": 2, "accuracy": 0.6667}
    assert record["by_status"] == {"accepted": 3, "low_confidence_defaulted": 1}
    assert record["by_kind"]["b"]["accuracy"] == 0.5
    assert record["tokens"] == {"read": 40, "written": 8, "assignments_not_reported": 0}


def test_without_labels_there_is_no_accuracy(tmp_path: Path) -> None:
    unlabelled = row(1)
    del unlabelled["expected_folder_id"]
    given = write(tmp_path / "talks.jsonl", unlabelled)
    assert json.loads(assign(given, "--json"))["all"]["accuracy"] is None
    assert " of 1)" not in assign(given, "--overwrite")


def test_a_conversation_that_belongs_nowhere_is_right_where_it_is_not_filed(tmp_path: Path) -> None:
    given = write(tmp_path / "talks.jsonl", row(1, user_folders=[], expected_folder_id=None))
    record = json.loads(assign(given, "--json"))
    assert (record["filed"], record["by_status"], record["all"]["right"]) == (0, {"no_folders": 1}, 1)


def test_a_limit_ends_the_run_early_and_resuming_goes_on_behind_it(given: Path) -> None:
    assign(given, "--limit", 2)
    out = given.with_name("talks.assigned.jsonl")
    assert len(results(out)) == 2
    record = json.loads(assign(given, "--resume", "--json"))
    assert sorted(line["id"] for line in results(out)) == ["c1", "c2", "c3", "c4"]
    assert (record["conversations"], record["from_earlier_runs"], record["all"]["right"]) == (4, 2, 2)


def test_resuming_a_finished_run_asks_nobody(given: Path) -> None:
    assign(given)
    cache = ScriptedClientCache(mostly_right)
    assert pointsman("folders", "assign", given, "--resume", make=over(cache)).exit_code == 0
    assert cache.heard == []


def test_resuming_without_results_begins(given: Path) -> None:
    assert json.loads(assign(given, "--resume", "--json"))["conversations"] == 4


def test_a_compressed_file_is_read_as_it_is(tmp_path: Path) -> None:
    given = tmp_path / "talks.jsonl.gz"
    given.write_bytes(gzip.compress(b"".join(json.dumps(row(n)).encode() + b"\n" for n in range(300))))
    record = json.loads(assign(given, "--json", "--limit", 250))
    assert record["conversations"] == 250
    assert len(results(tmp_path / "talks.assigned.jsonl")) == 250


def test_unusable_lines_are_named_and_skipped_and_the_exit_code_says_so(tmp_path: Path) -> None:
    bad_folder = row(6)
    bad_folder["user_folders"][1]["name"] = 7
    given = write(
        tmp_path / "talks.jsonl",
        row(1),
        "{not json",
        "[1, 2]",
        b'{"id": "\xff"}',
        {"id": "c5", "conversation": {"title": "t", "overview": "o"}},
        bad_folder,
        "",
        row(1),
        row(9),
    )
    printed = assign(given, exit_code=1)
    for part in (
        "line 2 skipped: Invalid JSON",
        "line 3 skipped: ",
        "line 4 skipped: ",
        "line 5 skipped: user_folders: Field required",
        "line 6 skipped: user_folders.1.name: ",
        "line 8 skipped: id 'c1' was on line 1 already",
    ):
        assert part in printed
    assert "line 7 skipped" not in printed
    assert "6 unusable lines skipped" in printed
    assert [line["line"] for line in results(tmp_path / "talks.assigned.jsonl")] == [1, 9]


def test_old_results_are_never_overwritten_unasked(given: Path) -> None:
    out = given.with_name("talks.assigned.jsonl")
    out.write_text("precious\n", encoding="utf-8")
    printed = assign(given, exit_code=2)
    assert "--resume" in printed
    assert "--overwrite" in printed
    assert out.read_text(encoding="utf-8") == "precious\n"
    assign(given, "--overwrite")
    assert len(results(out)) == 4


@pytest.mark.parametrize("words", [["--resume"], ["--overwrite"], []])
def test_the_input_is_never_written_over(given: Path, words: list[str]) -> None:
    before = given.read_bytes()
    assert "is the input itself" in assign(given, "--out", given, *words, exit_code=2)
    assert given.read_bytes() == before


def test_going_on_and_beginning_anew_exclude_each_other(given: Path) -> None:
    assign(given, "--resume", "--overwrite", exit_code=2)


@pytest.mark.parametrize("limit", [0, -1, "many"])
def test_a_number_without_sense_is_wrong_usage(given: Path, limit: object) -> None:
    assign(given, "--limit", limit, exit_code=2)
    assign(given, "--concurrency", limit, exit_code=2)


def test_files_that_cannot_be_used_are_wrong_usage(given: Path, tmp_path: Path) -> None:
    assign(tmp_path / "absent.jsonl", exit_code=2)
    assign(tmp_path, exit_code=2)
    assert "can't be written" in assign(given, "--out", tmp_path / "no" / "such" / "o.jsonl", exit_code=2)
    broken = write(tmp_path / "broken.jsonl.gz", "this is not gzip")
    assert "can't be read" in assign(broken, exit_code=2)


def test_a_missing_key_is_exit_code_2_and_leaves_no_file_behind(
    given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "OPENAI_API_KEY" in assign(given, exit_code=2)
    assert not given.with_name("talks.assigned.jsonl").exists()


def test_a_model_that_always_fails_fails_the_job(given: Path) -> None:
    def fails(_: str) -> str:
        raise RefusedByServer(400)

    printed = assign(given, says=fails, exit_code=1)
    assert "invalid_request" in printed
    assert len(results(given.with_name("talks.assigned.jsonl"))) == 4


def test_a_refused_platform_key_ends_the_run_and_nothing_is_filed_for_it(given: Path) -> None:
    def refused(message: str) -> str:
        if "talk 1" in message:
            return answer("f2")
        raise RefusedByServer(401)

    assert "auth" in REJECTED_KEY
    printed = assign(given, "--concurrency", 1, says=refused, exit_code=1)
    assert "refused the platform's key: auth" in printed
    assert "--resume" in printed
    assert [line["id"] for line in results(given.with_name("talks.assigned.jsonl"))] == ["c1"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_ends_the_run_with_a_message(given: Path) -> None:
    printed = assign(given, "--out", "/dev/full", "--overwrite", exit_code=1)
    assert "/dev/full: can't be written on: No space left on device" in printed


def test_resuming_drops_a_torn_last_line_and_files_it_again(given: Path) -> None:
    assign(given, "--limit", 2, "--concurrency", 1)
    out = given.with_name("talks.assigned.jsonl")
    whole = out.read_bytes()
    out.write_bytes(whole[:-25])
    assign(given, "--resume", "--concurrency", 1)
    assert [line["id"] for line in results(out)] == ["c1", "c2", "c3", "c4"]


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        (['{"colour": "red"}'], "line 1: is no result"),
        (["no json"], "line 1: is no result"),
    ],
)
def test_resuming_refuses_what_is_no_file_of_results(given: Path, lines: list[str], part: str) -> None:
    out = write(given.with_name("talks.assigned.jsonl"), *lines)
    assert part in assign(given, "--resume", exit_code=2)
    assert out.read_text(encoding="utf-8").splitlines() == lines


def test_resuming_refuses_the_results_of_another_input(given: Path, tmp_path: Path) -> None:
    assign(given)
    out = given.with_name("talks.assigned.jsonl")
    before = out.read_bytes()
    for other in (
        write(tmp_path / "other.jsonl", row(1), row(7), row(3), row(4)),
        write(tmp_path / "shorter.jsonl", row(1), row(2)),
    ):
        printed = assign(other, "--out", out, "--resume", exit_code=2)
        assert "results of another input" in printed
    assert out.read_bytes() == before
