"""Forks while threads are inside of all parts. Run as a script: `python -m tests.llm.forks.while_held`."""

from __future__ import annotations

from tests.llm.clients.forking import ended_well, fork
from tests.llm.forks.byok_parts import BYOK_PARTS
from tests.llm.forks.folder_parts import FOLDER_PARTS
from tests.llm.forks.holding import held
from tests.llm.forks.llm_parts import LLM_PARTS

PARTS = (*LLM_PARTS, *BYOK_PARTS, *FOLDER_PARTS)


def main() -> None:
    """The child uses each part, and then the parent does."""
    parts = [held(make) for make in PARTS]

    def child() -> None:
        for (_, use), _ in parts:
            assert use()

    well = ended_well(fork(child))
    for (_, use), work in parts:
        work.gate.set()
        assert use()
    raise SystemExit(not well)


if __name__ == "__main__":
    main()
