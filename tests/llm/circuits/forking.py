"""Run in a fresh process: `python -m tests.llm.circuits.forking URL` forks while circuits are shared."""

from __future__ import annotations

import sys

from tests.llm.circuits.workers import KEY, ROW, eventually, exchange_at, fails, is_shared, worker
from tests.llm.clients.forking import ended_well, fork

THE_CHILDS = KEY._replace(model="n")


def main(url: str) -> None:
    """Parent and child are two workers: each has a thread and a connection of its own."""
    with worker(exchange_at(url)) as circuits:
        eventually(lambda: is_shared(circuits))
        fails(circuits, ROW.failures)

        def child() -> None:
            eventually(lambda: circuits.state(KEY).state == "open" and is_shared(circuits))
            fails(circuits, ROW.failures, key=THE_CHILDS)
            with worker(exchange_at(url)) as another:
                eventually(lambda: another.state(THE_CHILDS).state == "open")

        well = ended_well(fork(child))
        eventually(lambda: circuits.state(THE_CHILDS).state == "open")
    raise SystemExit(not well)


if __name__ == "__main__":
    main(*sys.argv[1:])
