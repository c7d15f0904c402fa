"""What may happen in a world: calls in every manner, by everyone, with mischief and in bad moods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st

from tests.safety.providers_at_hand import MOODS
from tests.safety.worlds import FEATURES, SERVERS, USERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.safety.providers_at_hand import Mood

Manner = Literal["invoke", "ainvoke", "stream", "astream"]
MANNERS: tuple[Manner, ...] = ("invoke", "ainvoke", "stream", "astream")
Mischief = Literal[
    "nothing", "another's bearer", "another's x-api-key", "another's x-goog-api-key", "cookie", "query"
]
MISCHIEF: tuple[Mischief, ...] = (
    "nothing",
    "nothing",
    "nothing",
    "nothing",
    "nothing",
    "nothing",
    "another's bearer",
    "another's x-api-key",
    "another's x-goog-api-key",
    "cookie",
    "query",
)


@dataclass(frozen=True)
class Call:
    """One user (None: nobody in particular) asks for a feature, and the model is called."""

    feature: str
    user: str | None
    manner: Manner
    moods: Mapping[str, Mood]
    mischief: Mischief
    ambient: bool
    """Whether the scope is the ambient one, not an argument."""
    inside: str | None
    """Another user, inside whose request the model is called."""


@dataclass(frozen=True)
class Crowd:
    """All users and the platform ask for a feature at the same time, in one event loop, twice each."""

    feature: str
    streaming: bool
    mood: Mood
    """The mood of every server."""


@dataclass(frozen=True)
class BlankKey:
    """A user sends a blank key beside the real ones."""

    user: str
    provider: str
    blank: str


Move = Call | Crowd | BlankKey

calls = st.builds(
    Call,
    feature=st.sampled_from(FEATURES),
    user=st.sampled_from([*USERS, None]),
    manner=st.sampled_from(MANNERS),
    moods=st.dictionaries(st.sampled_from(SERVERS), st.sampled_from(MOODS), max_size=2),
    mischief=st.sampled_from(MISCHIEF),
    ambient=st.booleans(),
    inside=st.sampled_from([None] * 9 + [*USERS]),
)
crowds = st.builds(
    Crowd,
    feature=st.sampled_from(FEATURES),
    streaming=st.booleans(),
    mood=st.sampled_from(["fine", "cookie", "redirect", "echo", "broken off"]),
)
blank_keys = st.builds(
    BlankKey,
    user=st.sampled_from(USERS),
    provider=st.sampled_from(["alpha", "beta", "gamma", "broker"]),
    blank=st.sampled_from(["", " ", "\t", "\n", "   \r\n"]),
)


def finale(feature: str) -> list[Move]:
    """Return calls of everyone from a thread, calls with each mischief, and calls of all at once."""
    alone: list[Move] = [
        Call(feature, user, manner, {}, "nothing", ambient=False, inside=None)
        for user in (*USERS, None)
        for manner in ("invoke", "stream")
    ]
    mischievous: list[Move] = [
        Call(feature, "ada", "invoke", {}, mischief, ambient=False, inside=None)
        for mischief in dict.fromkeys(MISCHIEF)
    ]
    return [
        *alone,
        *mischievous,
        Crowd(feature, streaming=False, mood="cookie"),
        Crowd(feature, streaming=False, mood="redirect"),
        Crowd(feature, streaming=True, mood="fine"),
    ]


finales: st.SearchStrategy[list[Move]] = st.sampled_from(FEATURES).map(finale)
"""How every play ends: each guard has its chance."""
moves: st.SearchStrategy[list[Move]] = st.lists(
    st.one_of(calls, calls, calls, crowds, blank_keys), min_size=3, max_size=8
)
