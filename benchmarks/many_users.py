"""What users with keys of their own cost: while they wait, when they come, and in connections."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from itertools import count
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from app.llm import RequestScope
from benchmarks.measuring import Row, cpu_each, in_turn
from benchmarks.providers import KEY, feature_at, provider, service_at
from tests.llm.crowd import PROTOCOLS, aask_all, ask_all, container_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOWHERE = "http://127.0.0.1:9"
USERS = 10_000
AT_ONCE = 32
"""Calls under way at a time: what connections are needed for."""
BARE = 500
"""How many bare models are measured: they cost more, and each costs the same."""
ROUNDS = 5
IDLE_AIM_BYTES = 2000
NEW_USER_AIM_US = 25


def rows() -> Iterator[Row]:
    """Measure idle users, new users, and the connections and clients of so many keys."""
    from langchain_openai import ChatOpenAI

    with service_at(NOWHERE) as service:
        feature, model = feature_at(service, "openai")
        numbers = count()

        def ours() -> object:
            scope = RequestScope(user_id=f"user-{next(numbers)}", keys={"openai": f"{KEY}-{next(numbers)}"})
            return scope, service.get_llm(feature, scope=scope)

        def theirs() -> object:
            return ChatOpenAI(model_name=model, openai_api_key=SecretStr(f"{KEY}-{next(numbers)}"))

        yield idle_user(ours, theirs)
        yield new_user(ours, theirs)
    yield from connections()


def idle_user(ours: Callable[[], object], theirs: Callable[[], object]) -> Row:
    """Measure the memory of a user who has been handed a model and waits, key and name included."""
    measured, reference = bytes_each(ours, USERS), bytes_each(theirs, BARE)
    title = f"memory of an idle user, of {USERS:,}"
    return Row(title, measured, reference, "B", "a ChatOpenAI a key", IDLE_AIM_BYTES, aim_is_for_ratio=False)


def bytes_each(make: Callable[[], object], times: int) -> float:
    """Return what each of so many things holds on to, in bytes, once some have been made before."""
    warm = [make() for _ in range(20)]
    gc.collect()
    tracemalloc.start()
    begun = tracemalloc.get_traced_memory()[0]
    kept = [make() for _ in range(times)]
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - begun
    tracemalloc.stop()
    del warm, kept
    return held / times


def new_user(ours: Callable[[], object], theirs: Callable[[], object]) -> Row:
    """Measure scope and model of a user who was never seen before."""
    cost = in_turn({"ours": lambda: cpu_each(ours, 2000), "theirs": lambda: cpu_each(theirs, 30)}, ROUNDS)
    title = "scope and model for a new user"
    reference = "constructing ChatOpenAI"
    return Row(title, cost["ours"], cost["theirs"], "us", reference, NEW_USER_AIM_US, aim_is_for_ratio=False)


def connections() -> Iterator[Row]:
    """Count connections and clients after calls with so many keys, half from threads and half in a loop."""
    with provider(0.0) as origin:
        for protocol in PROTOCOLS:
            with container_at(origin) as container:
                service, half = container.llm_service(), USERS // 2
                ask_all(service, protocol, range(half), AT_ONCE)
                pooled = container.transport().blocking_line().connections
                awaited = asyncio.run(open_after(container, protocol, range(half, USERS)))
                clients = len(container.client_cache())
            for what, number, aim in (
                ("connections of the threads' pool", pooled, AT_ONCE),
                ("connections of the loop's pool", awaited, AT_ONCE),
                ("clients", clients, 1),
            ):
                title = f"{protocol}: {what}"
                yield Row(title, number, USERS, "", "users' keys", aim, aim_is_for_ratio=False)


async def open_after(container: Any, protocol: str, numbers: range) -> int:  # noqa: ANN401 - a DynamicContainer
    """Return how many connections the loop holds after these users' calls."""
    await aask_all(container.llm_service(), protocol, numbers, AT_ONCE)
    session = await container.transport().awaiting_line().sessions.current()
    opened: int = session.connections
    return opened
