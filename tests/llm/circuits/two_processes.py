"""What a worker process does in a test: it opens a circuit, and waits until it sees the other one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.llm.circuits.workers import KEY, ROW, eventually, exchange_at, fails, worker
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier


def open_and_see(url: str, mine: str, theirs: str, together: Barrier) -> None:
    """Open the circuit of one model, and end with 0 once another model's is open, and seen to be."""
    with worker(exchange_at(url)) as circuits:
        assert circuits.admit(KEY._replace(model=theirs)).allowed
        together.wait(PATIENCE_S)
        fails(circuits, ROW.failures, key=KEY._replace(model=mine))
        eventually(lambda: not circuits.admit(KEY._replace(model=theirs)).allowed)
        assert circuits.state(KEY._replace(model=theirs)).where == "shared"
        together.wait(PATIENCE_S)
