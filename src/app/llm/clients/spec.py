"""Values that say what a client is, and who may be named on a request that it sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from app.errors import TransportRefused
from app.llm.byok.endpoint_url import DEFAULT_PORTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.errors import Payer
    from app.llm.catalog.options import OptionValue

AuthScheme = Literal["bearer", "x-api-key", "x-goog-api-key"]
"""How a wire protocol carries a key: `Authorization: Bearer`, or a header of its own."""


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """The frozen value that is both the client cache's key and the only input of a client's construction.

    It holds no secret: a key is attached to the single request by the transport. `model` is the name
    as the provider spells it on the wire; `options` are the typed options by name, sorted;
    `launch` names the launcher that starts the endpoint on first use (None: it is at `base_url`).
    """

    protocol: str
    provider: str
    base_url: str
    model: str
    payer: Payer
    auth: AuthScheme
    options: tuple[tuple[str, OptionValue], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    supports: frozenset[str] = frozenset()
    launch: str | None = None
    structured_method: str | None = None
    """How structured output is asked for; None: the way that the SDK prefers."""
    vertex: tuple[str, str] | None = None
    """(project, location) where Gemini is asked through Vertex AI."""
    user_named: bool = False
    """Whether a user named the endpoint: it is called with that user's own key for it, under guard."""


@dataclass(frozen=True, slots=True)
class CredentialReference:
    """Which secret a hop will be run with, without the secret.

    `provider` is the one whose key it is; `source` is what a person may read; `variable` is the environment
    variable that holds the platform's key, where there is one.
    """

    provider: str
    payer: Payer
    source: str
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """One payer's secret for one provider, and where it came from. Never rendered for another provider.

    `reveal` returns the secret at the moment of sending (a key, or a short-lived access token);
    `source` is what a person may read: an environment variable's name, or "the user's request".
    `endpoint` is the origin of the user's own endpoint that this is the key of: it goes nowhere else, and no
    other credential goes there.
    """

    provider: str
    payer: Payer
    source: str
    reveal: Callable[[], str]
    endpoint: str | None = None

    def __repr__(self) -> str:
        return f"Credential(provider={self.provider!r}, payer={self.payer!r}, source={self.source!r})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a credential can't be pickled or copied out of its process")


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to put one credential on requests to one origin, in one scheme.

    `user_named`: a user named the origin.

    :raises TransportRefused: the origin is one that a user named and the credential isn't that user's own for
        it, or the other way round.
    """

    credential: Credential | None
    origin: str
    auth: AuthScheme
    user_named: bool = False

    def __post_init__(self) -> None:
        check_bound(self)


def check_bound(grant: Grant) -> None:
    """Raise TransportRefused for a grant that joins a user's own endpoint and any key but its own."""
    credential, origin = grant.credential, grant.origin
    if grant.user_named:
        if credential is None or credential.payer != "user" or credential.endpoint != origin:
            whose = "no key" if credential is None else f"a key for {credential.provider!r}"
            raise TransportRefused(f"{whose} was refused for {origin}, which takes its own user's key alone")
    elif credential is not None and credential.endpoint is not None:
        raise TransportRefused(f"the key of a user's own endpoint was refused for {origin}, another place")


def origin_of(url: str) -> str:
    """Return `scheme://host:port` of a URL, in lower-case ASCII, with a port in any case."""
    parts = urlsplit(url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host if host.isascii() else host.encode('idna').decode('ascii')}:{port}"
