"""Plays: which request gets which fault."""

from __future__ import annotations

import pytest

from app.testing.drills.plays import Play, unseen


def faults(play: Play, *hops: int | None) -> list[str]:
    cues = play.cues()
    return [cues.fault(hop) for hop in hops]


def test_a_fault_at_the_first_hop_leaves_the_others_well() -> None:
    assert faults(Play("stall"), 1, 1, 2, 1) == ["stall", "stall", "ok", "stall"]


def test_a_fault_at_every_hop_spares_what_is_no_hop_of_the_plan() -> None:
    assert faults(Play("stall", at="all"), 1, 2, None, 3) == ["stall", "stall", "ok", "stall"]


def test_a_fault_that_passes_is_counted_for_each_hop() -> None:
    assert faults(Play("cut", at="all", times=1), 1, 1, 2, 2) == ["cut", "ok", "cut", "ok"]


def test_a_script_goes_by_requests_wherever_they_go() -> None:
    play = Play("", script=("bad_key", "ok", "stall"))
    assert faults(play, 1, 2, 1, 3) == ["bad_key", "ok", "stall", "ok"]
    assert (play.name, play.where) == ("bad_key, ok, stall", "by request")
    assert play.faults == {"bad_key", "ok", "stall"}


@pytest.mark.parametrize(
    ("play", "where"),
    [
        (Play("ok"), ""),
        (Play("stall"), "first hop, always"),
        (Play("stall", times=1), "first hop, once"),
        (Play("stall", times=2, at="all"), "every hop, twice"),
        (Play("stall", times=5), "first hop, 5 times"),
    ],
)
def test_a_play_says_where_and_how_often(play: Play, where: str) -> None:
    assert play.where == where


def test_only_a_refused_connection_is_seen_by_nobody() -> None:
    assert unseen(Play("connect_refused"))
    assert not unseen(Play("connection_reset"))
    assert not unseen(Play("", script=("ok",)))
