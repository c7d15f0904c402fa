"""Strategies for how a caller asks."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.llm.running.predictions import Ask
from tests.llm.running.scripts import plays

scripts = st.lists(st.lists(plays, min_size=1, max_size=3), min_size=1, max_size=6)
"""What the hops of a plan do, request by request; whatever they do beyond it is good."""
jitters = st.sampled_from([0.0, 0.25, 0.5, 1.0])
"""The part of the longest pause that chance makes of it."""
own_limits: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.fixed_dictionaries(
    {},
    optional={
        "deadline_s": st.sampled_from([1.0, 3.0, 20.0]),
        "attempts": st.integers(1, 10),
        "first_token_s": st.sampled_from([0.5, 4.0]),
        "chunk_s": st.sampled_from([0.5, 4.0]),
    },
)
"""What a call says of its own budget."""


def _possible(ask: Ask) -> Ask:
    """Return an ask without what doesn't go together: only a plain stream's chunks are counted."""
    plain_stream = ask.streaming and not ask.structured
    return ask._replace(raw=ask.raw and ask.structured, stops_after=ask.stops_after if plain_stream else None)


asks = st.builds(
    Ask,
    streaming=st.booleans(),
    in_a_loop=st.booleans(),
    structured=st.booleans(),
    raw=st.booleans(),
    stops_after=st.none() | st.integers(1, 5),
    gives_up_at=st.sampled_from([None, None, None, 1, 2]),
).map(_possible)
