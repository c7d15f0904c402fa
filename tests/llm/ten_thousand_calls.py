"""`python -m tests.llm.ten_thousand_calls [CALLS] [SEED]`: requests seen against attempts recorded."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.llm.running.accounts import differences
from tests.llm.running.errands import Errand, calls_of, office

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(calls: int, seed: int) -> int:
    """Make so many calls, print what became of them, and return how many errands differ."""
    began = time.monotonic()
    errands = list(drawn(calls, seed))
    with office(seed) as at:
        at.run(errands[::2], errands[1::2])
    wrong = differences(at, errands)
    requests = sum(sum(of.values()) for of in at.providers.seen.values())
    attempts = Counter(one.outcome for record in at.records for one in record.attempts)
    print(f"{len(at.records)} calls in {time.monotonic() - began:.0f} s; {requests} requests at the servers")  # noqa: T201
    print(f"attempts recorded: {dict(attempts)}")  # noqa: T201
    print(f"requests recorded: {sum(one.requests for record in at.records for one in record.attempts)}")  # noqa: T201
    print(f"calls: {dict(Counter(record.outcome for record in at.records))}")  # noqa: T201
    print(f"callers: {dict(at.ended)}")  # noqa: T201
    print(f"faults: {dict(at.providers.faults)}")  # noqa: T201
    print(f"errands that differ: {len(wrong)}", *wrong, sep="\n")  # noqa: T201
    return len(wrong)


def drawn(calls: int, seed: int) -> Iterator[Errand]:
    """Yield errands until so many calls are made, every second one for a loop."""
    number = 0
    while calls > 0:
        number += 1
        errand = Errand.drawn(number, in_a_loop=number % 2 == 0, seed=seed)
        calls -= len(calls_of(errand))
        yield errand


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    sys.exit(min(1, main(given[0] if given else 10_000, given[1] if len(given) > 1 else 0)))
