"""Races for answers of a schema: each hop is asked in its own way, and what doesn't fit has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from app.errors import MalformedResponse
from app.testing.faults.server import FaultServer
from tests.llm.running.hedged import AT_ONCE, NAMES, PAIRS, WAYS, asked, chunks_of, hedged_at, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import Runnable

    from app.testing.faults.asked import Asked

pairs = pytest.mark.parametrize("protocols", PAIRS)


class Folder(BaseModel):
    """Where it belongs."""

    name: str


def with_faults(**by_provider: str) -> Callable[[Asked], str]:
    """Have each of these providers answer with one fault."""
    return lambda request: by_provider.get(request.provider, "ok")


def addresses(server: FaultServer) -> list[str]:
    return [server.origins[name] for name in NAMES]


async def parsed_by(chain: Runnable[Any, Any], way: str) -> object:
    """Return what comes of an answer at last."""
    if "invoke" in way:
        return await asked(chain, way)
    return [one async for one in chunks_of(chain, way)][-1]


@pairs
@pytest.mark.parametrize("way", WAYS)
async def test_each_hop_of_a_race_is_asked_for_a_schema_in_its_own_way(
    protocols: tuple[str, str], way: str
) -> None:
    with (
        FaultServer(NAMES, with_faults(one="slow_first_token")) as server,
        hedged_at(addresses(server), protocols) as hedged,
    ):
        hedged.usually(AT_ONCE)
        assert isinstance(await parsed_by(hedged.model().with_structured_output(Folder), way), Folder)
        assert server.counts == {"one": 1, "two": 1}
        assert all(one.asked.wish.kind != "text" for one in server.served)


@pairs
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("misfit", ["one", "two"])
async def test_an_answer_of_another_schema_wins_no_race(
    protocols: tuple[str, str], way: str, misfit: str
) -> None:
    with (
        FaultServer(NAMES, with_faults(**{misfit: "schema_violation"})) as server,
        hedged_at(addresses(server), protocols) as hedged,
    ):
        hedged.usually(AT_ONCE)
        assert isinstance(await parsed_by(hedged.model().with_structured_output(Folder), way), Folder)
        record = hedged.told()
        assert record.served_by == {"one": 2, "two": 1}[misfit]


@pairs
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_where_no_answer_fits_the_raw_one_of_the_later_hop_is_left(
    protocols: tuple[str, str], way: str
) -> None:
    faults = with_faults(one="schema_violation", two="schema_violation")
    with FaultServer(NAMES, faults) as server, hedged_at(addresses(server), protocols, attempts=2) as hedged:
        hedged.usually(AT_ONCE)
        chain = hedged.model().with_structured_output(Folder, include_raw=True)
        output: Any = await parsed_by(chain, way)
        decision = output["raw"].response_metadata["pointsman"]
        assert (output["parsed"], decision["hop"]) == (None, 2)
        assert output["parsing_error"] is not None
        # The raw one is what the caller gets: of the two, it has served.
        assert outcomes(decision["attempts"]) == [(1, "failed", False), (2, "answered", True)]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_where_no_answer_fits_the_call_has_failed(way: str) -> None:
    faults = with_faults(one="schema_violation", two="schema_violation")
    with FaultServer(NAMES, faults) as server, hedged_at(addresses(server), attempts=2) as hedged:
        hedged.usually(AT_ONCE)
        with pytest.raises(MalformedResponse):
            await parsed_by(hedged.model().with_structured_output(Folder), way)
        assert outcomes(hedged.told().evidence()["attempts"]) == [(1, "failed", False), (2, "failed", True)]
