"""What a process makes for itself."""

from __future__ import annotations

import os

import pytest

from app.errors import ResourceClosed
from app.llm.byok.enrolment.per_process import PerProcess


class Parts:
    """Makes things, and notes what becomes of them."""

    def __init__(self) -> None:
        self.made, self.ended, self.left = 0, 0, 0
        self.thing = PerProcess(self._make, self._end, self._leave)

    def _make(self) -> str:
        self.made += 1
        return f"thing {self.made} of {os.getpid()}"

    def _end(self, _: str) -> None:
        self.ended += 1

    def _leave(self, _: str) -> None:
        self.left += 1

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.made, self.ended, self.left


def test_a_thing_is_made_at_its_first_use_once_and_ended_with_close() -> None:
    parts = Parts()
    assert parts.counts == (0, 0, 0)
    assert parts.thing.get() == parts.thing.get()
    parts.thing.close()
    parts.thing.close()
    assert parts.counts == (1, 1, 0)
    with pytest.raises(ResourceClosed):
        parts.thing.get()


def test_what_was_never_made_isnt_ended() -> None:
    parts = Parts()
    parts.thing.close()
    assert parts.counts == (0, 0, 0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("child_uses_it", [True, False])
def test_a_forked_child_makes_its_own_and_leaves_its_parents(child_uses_it: bool) -> None:  # noqa: FBT001
    parts = Parts()
    mine = parts.thing.get()
    child = os.fork()
    if child == 0:  # pragma: no cover - in another process
        expected = (2, 1, 1) if child_uses_it else (1, 0, 0)
        fine = not child_uses_it or parts.thing.get() == f"thing 2 of {os.getpid()}"
        parts.thing.close()
        os._exit(0 if fine and parts.counts == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert parts.thing.get() == mine
    assert parts.counts == (1, 0, 0)
