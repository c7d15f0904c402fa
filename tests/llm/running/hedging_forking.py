"""Run in a fresh process: `python -m tests.llm.running.hedging_forking`. It forks in the middle of races."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.containers import close
from app.errors import ResourceClosed
from tests.llm.clients.forking import ended_well, fork
from tests.llm.running.hedged import AT_ONCE, QUESTION, hedged_at, silent
from tests.servers.models import TEXT, any_model, held_back
from tests.servers.running import running
from tests.servers.wire import Gate

if TYPE_CHECKING:
    from tests.llm.running.hedged import Hedged


def asks(hedged: Hedged) -> None:
    """A race that the second hop wins."""
    hedged.usually(AT_ONCE)
    answer = hedged.model().invoke(QUESTION)
    assert (answer.text, answer.response_metadata["pointsman"]["hop"]) == (TEXT, 2)


def main() -> None:
    """A child knows nothing, has a loop of its own, and can't read on in its parent's stream."""
    with running(silent) as first, running(any_model) as second, hedged_at((first, second)) as hedged:
        asks(hedged)

        def child() -> None:
            assert hedged.pace().samples == 0
            asks(hedged)
            close(hedged.container)

        assert ended_well(fork(child))
        asks(hedged)

        gate = Gate()
        second.script = lambda received: held_back(received, gate)
        stream = hedged.model().stream(QUESTION)
        texts = [next(stream).text]

        def reads_on() -> None:
            with pytest.raises(ResourceClosed):
                next(stream)

        assert ended_well(fork(reads_on))
        assert ended_well(fork(stream.close))  # type: ignore[attr-defined] # it is a generator
        gate.open()
        assert "".join([*texts, *(chunk.text for chunk in stream)]) == TEXT


if __name__ == "__main__":
    main()
