"""`python -m tests.llm.rates.forking URL`: forks while threads count, and ends with 0 if all was right."""

from __future__ import annotations

import os
import sys
import threading

from redis import Redis

from tests.llm.clients.forking import ended_well, fork
from tests.llm.rates.crowd import KEY, NEVER_FULL, counted, shared

CHILDREN, MOST = 4, 100
LIMITS = (f"{MOST}/hour",)


def main(url: str) -> None:
    """Fork while a thread counts without a pause; then let all of them take what is left of a limit."""
    rates, done = shared(url), threading.Event()
    own = KEY._replace(model="n")

    def count_on() -> None:
        while not done.is_set():
            assert rates.take(own, NEVER_FULL) == 0

    thread = threading.Thread(target=count_on)
    thread.start()
    assert counted(rates, LIMITS, 10) == 10
    read_end, write_end = os.pipe()

    def child() -> None:
        os.write(write_end, bytes([counted(rates, LIMITS, 15)]))
        assert rates.where == "shared"
        rates.close()

    children = [fork(child) for _ in range(CHILDREN)]
    well = [ended_well(one) for one in children]
    done.set()
    thread.join()
    mine = counted(rates, LIMITS, MOST)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as counts:
        total = 10 + sum(counts.read()) + mine
    with Redis.from_url(url) as server:
        connected = len(server.client_list()) - 1
    rates.close()
    assert (total, connected) == (MOST, 1), (total, connected)
    raise SystemExit(not all(well))


if __name__ == "__main__":
    main(sys.argv[1])
