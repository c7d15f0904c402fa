"""A scenario: which faults are played at which hop, for which features, and how users come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.errors import nearest
from app.testing.faults.table import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

Name = Annotated[str, Field(min_length=1)]


def _known(name: str) -> str:
    if name not in FAULTS:
        what = f"unknown fault {name!r}{nearest(name, FAULTS)}"
        raise PydanticCustomError("fault", "{what}", {"what": what})
    return name


FaultName = Annotated[str, AfterValidator(_known)]


class Row(BaseModel):
    """One table of a scenario. Frozen and strict: what isn't declared here is an error."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class CallerRow(Row):
    """Who calls: the platform itself, or a user who sent keys for these providers.

    "first": a key for the provider of the first route that a user's key may serve.
    """

    keys: tuple[Name, ...] | Literal["first"] = ()


class PlayRow(Row):
    """What goes wrong in a call: a play for each of its `faults`, or one that its `script` tells.

    `at`: at the first hop, or at every one; `times`: for so many of the requests there (absent: for all). A
    script says it request by request; behind its end all is well. `callers` absent: it is played for all.
    """

    faults: tuple[FaultName, ...] = ()
    at: Literal["first", "all"] = "first"
    times: Annotated[int, Field(ge=1, le=10)] | None = None
    script: tuple[FaultName, ...] = ()
    callers: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if bool(self.faults) == bool(self.script):
            raise PydanticCustomError("play", "write either faults or a script")
        if self.script and self.model_fields_set & {"at", "times"}:
            raise PydanticCustomError("play", "a script says where and how often itself: no `at`, no `times`")
        for name in self.script if self.times is None else self.faults:
            if FAULTS[name].unseen:
                what = f"{name} holds for a whole address: no request arrives that could be counted"
                raise PydanticCustomError("play", "{what}", {"what": what})
        return self


class Scenario(Row):
    """What is played. `features` absent: all of the profile; `callers` absent: the platform."""

    about: str = ""
    features: tuple[Name, ...] = ()
    callers: dict[Name, CallerRow] = {"platform": CallerRow()}
    plays: tuple[PlayRow, ...]

    @model_validator(mode="after")
    def _has_something(self) -> Self:
        if not (self.plays and self.callers):
            raise PydanticCustomError("empty", "there is nothing to play, or nobody to play it to")
        return self

    def as_user(self, keys: Iterable[str]) -> Scenario:
        """Return the same plays, all of them to one user who sent keys for these providers."""
        caller = CallerRow(keys=tuple(keys))
        plays = tuple(play.model_copy(update={"callers": ()}) for play in self.plays)
        return self.model_copy(update={"callers": {"user": caller}, "plays": plays})
