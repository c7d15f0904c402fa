"""Moving windows on a Redis or Valkey server. Importing this module imports the library `limits`."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from limits.storage import RedisStorage

from app.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limits import RateLimitItem
    from pydantic import SecretStr
    from redis import ConnectionPool

VARIABLE: Final = "POINTSMAN_REDIS_URL"
MICROSECONDS: Final = 1_000_000


class Take(NamedTuple):
    """One request that is to be counted: by which limits, and under which name."""

    name: str
    items: tuple[RateLimitItem, ...]


class SharedWindows(RedisStorage):
    """The storage that the library `limits` has on Redis, with a script that counts several limits at once.

    The library alone asks four times for two limits, by each client's own clock, and counts the first even if
    the second has just been filled by somebody else. The script asks once, by the server's clock, and counts
    both or neither. It holds one list of moments a limit, as the library's moving windows do.
    """

    def __init__(self, pool: ConnectionPool, prefix: str) -> None:
        super().__init__("redis://", connection_pool=pool, key_prefix=prefix)
        self._pool = pool
        self._script = files("app.llm.rates").joinpath("together.lua").read_bytes()

    def together(self, takes: Sequence[Take]) -> list[float]:
        """Count each take if all of its limits have room, and return 0.0; else the seconds until they have.

        All of them go in one round trip.

        :raises Exception: whatever the library `redis` raises: the server can't be asked.
        """
        asking = self.storage.pipeline(transaction=False)
        for name, items in takes:
            keys = [self.prefixed_key(item.key_for(name)) for item in items]
            sizes = [size for item in items for size in (item.amount, item.get_expiry())]
            asking.eval(self._script, len(keys), *keys, *sizes)
        return [answer / MICROSECONDS for answer in asking.execute()]

    def close(self) -> None:
        """Close the connections."""
        self._pool.disconnect()


def opened(url: SecretStr, prefix: str, answer_s: float) -> SharedWindows:
    """Return the windows of a server, which is not connected to before it is asked.

    `answer_s`: seconds within which the server has to accept a connection, and to answer, unless the URL says
    `?socket_connect_timeout=` and `?socket_timeout=`.

    :raises SettingsError: the package `redis` isn't installed, or the URL can't be read.
    """
    try:
        from redis import ConnectionPool
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as error:
        raise SettingsError(f"{VARIABLE} needs the package redis: install pointsman[redis]") from error
    try:
        pool = ConnectionPool.from_url(
            url.get_secret_value(),
            protocol=2,  # it needs no greeting
            retry=Retry(NoBackoff(), 0),
            socket_timeout=answer_s,
            socket_connect_timeout=answer_s,
        )
        pool.make_connection()  # which reads the options of the URL, and connects to nobody
    except (TypeError, ValueError):
        problem = "isn't a URL of a Redis or Valkey server: redis://, rediss:// or unix://"
    else:
        return SharedWindows(pool, prefix)
    # Raised here, so that the text of the library's error, which may hold the password, isn't its context.
    raise SettingsError(f"{VARIABLE} {problem}")
