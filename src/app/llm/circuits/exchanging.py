"""The exchange with a Redis or Valkey server: one round trip tells what is new here, and elsewhere."""

from __future__ import annotations

import json
import secrets
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from app.errors import SettingsError
from app.llm.circuits.breaker import Rule
from app.llm.circuits.port import CircuitKey
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr
    from redis import Redis
    from redis.commands.core import Script

VARIABLE = "POINTSMAN_REDIS_URL"
PREFIX = "pointsman"
PATIENCE_S = 0.2
"""How long a connection, and an answer, may take; `?socket_timeout=1` in the URL says otherwise."""
PERMIT_S = 1.5
"""How long a process may keep a permission to probe that it doesn't use."""
MS = 1000


class Report(NamedTuple):
    """What a process tells of one of its circuits: ages and remaining times, in seconds.

    Without a rule it has forgotten the circuit. `opened` is (age, remaining), told unless others know it.
    """

    key: CircuitKey
    rule: Rule | None = None
    failures: tuple[float, ...] = ()
    asked: float = 0.0
    """How long the provider still asks to be left alone."""
    cleared: float | None = None
    """How long ago a success made it forget its failures; `closed`: it was half-open."""
    closed: bool = False
    opened: tuple[float, float] | None = None
    probing: float = 0.0
    """How long its probe may still take."""
    wants_to_probe: bool = False

    def wire(self) -> dict[str, Any]:
        """Return it as the script reads it."""
        told: dict[str, Any] = {"k": json.dumps(self.key), "f": [round(age * MS) for age in self.failures]}
        if self.cleared is not None:
            told |= {"c": round(self.cleared * MS), "z": self.closed}
        if self.rule is not None:
            failures, window_s, open_s = self.rule
            told |= {"n": failures, "w": round(window_s * MS), "b": round(open_s * MS)}
            told |= {"a": round(self.asked * MS), "p": round(self.probing * MS), "x": self.wants_to_probe}
        if self.opened is not None:
            told["o"] = [round(part * MS) for part in self.opened]
        return told


class Heard(NamedTuple):
    """What all processes together know of one circuit: ages and remaining times, in seconds."""

    key: CircuitKey
    rule: Rule
    others: int
    """Failures of other processes that count."""
    cleared: float
    """How long ago a success last made failures forgotten; `closed`: it closed the circuit."""
    closed: float
    opened: tuple[float, float] | None
    """(age, remaining) of an open circuit; the remaining time of a half-open one is below 0."""
    lease: float
    """How long one process alone may probe; `mine`: this one."""
    mine: bool

    @classmethod
    def read(cls, told: list[Any]) -> Heard:
        """Read it as the script writes it."""
        name, failures, window, stay, others, cleared, closed, age, remaining, lease, mine = told
        key, rule = CircuitKey(*json.loads(name)), Rule(failures, window / MS, stay / MS)
        opened = (age / MS, remaining / MS) if age >= 0 else None
        return cls(key, rule, others, cleared / MS, closed / MS, opened, lease / MS, mine)


class Exchange(Protocol):
    """Where processes tell each other of their circuits."""

    def exchange(self, reports: Sequence[Report]) -> list[Heard]:
        """Tell what is new, and return what is known. Whatever goes wrong is raised."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class RedisExchange:
    """A hash on one Redis or Valkey server, and the script that keeps it. It holds names, times and counts.

    `url`: redis://, rediss:// or unix://, with its password. Circuits under one `prefix` are shared. Nothing
    is opened before the first exchange; a forked child opens a connection of its own.

    :raises SettingsError: the package `redis` isn't installed, or the URL makes no sense.
    """

    def __init__(self, url: SecretStr, prefix: str = PREFIX) -> None:
        self._url, self._hash = url, f"{prefix}:circuits"
        self._parents: list[Redis] = []
        self._client = _client(url)
        self._begin()
        renew_in_children(self)

    def __repr__(self) -> str:
        return "RedisExchange()"

    def exchange(self, reports: Sequence[Report]) -> list[Heard]:
        told = json.dumps([report.wire() for report in reports])
        answer = self._script(keys=[self._hash], args=[self._me, told, round(PERMIT_S * MS)])
        return [Heard.read(one) for one in json.loads(answer)]

    def close(self) -> None:
        self._client.close()

    def renew(self) -> None:
        """In a forked child, leave the parent's connection to the parent, and be another process."""
        self._parents.append(self._client)
        self._client = _client(self._url)
        self._begin()

    def _begin(self) -> None:
        self._me = secrets.token_hex(8)
        text = files(__package__).joinpath("exchange.lua").read_text(encoding="utf-8")
        self._script: Script = self._client.register_script(text)


def _client(url: SecretStr) -> Redis:
    """Return a client that tries once and not for long. It connects with its first command."""
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as error:
        raise SettingsError(f"{VARIABLE} needs the package redis: install pointsman[redis]") from error
    try:
        client = Redis.from_url(
            url.get_secret_value(),
            socket_connect_timeout=PATIENCE_S,
            socket_timeout=PATIENCE_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        client.connection_pool.make_connection()
    except (ValueError, TypeError):
        problem = "isn't a URL of a Redis or Valkey server: redis://, rediss:// or unix://"
    else:
        return client
    # Raised here, so that the client's own error, which can hold the password, isn't its context.
    raise SettingsError(f"{VARIABLE} {problem}")
