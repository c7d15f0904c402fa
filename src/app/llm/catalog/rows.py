"""The rows of the catalog as they are written: frozen, strict, every unknown key an error."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from app.errors import Payer
from app.llm.catalog.options import Options, Seconds, Tokens

Ability = Literal[
    "tools",
    "structured_output",
    "streaming",
    "usage",
    "logprobs",
    "wide_logprobs",
    "prompt_cache_key",
    "max_completion_tokens",
    "web_search",
]
"""What a model behind a provider can do. Features need abilities, providers support them.

`logprobs` are those of the few likeliest tokens (OpenAI: 20), `wide_logprobs` those of thousands.
`max_completion_tokens`: the limit of an answer goes by this newer name on the wire.
"""

PayerRule = Literal["platform_only", "user_or_platform", "user_only"]
Ask = Literal["generate", "score"]
"""How a choice from a list is asked: the model writes it, or the choices are scored by log-probability."""

Action = Literal["retry", "next", "larger", "raise"]
"""What a plan does after a failure.

`retry`: the same hop again while it may, then as `next`; `next`: the next hop, else the error; `larger`: the
next hop with a larger context window, else the error; `raise`: the error at once.
"""
ACTIONS: tuple[Action, ...] = get_args(Action)

Name = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]
Pattern = Annotated[str, Field(min_length=1)]


class Row(BaseModel):
    """One table of a catalog file. Frozen and strict: what isn't declared here is an error."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class FallbackRow(Row):
    """A route that may serve a later hop: provider and model change together, as one value."""

    provider: Name
    model: Name
    options: Options = Options()


class RouteRow(FallbackRow):
    """Where a feature goes in one profile: provider + model + options, and the hops after it."""

    ask: Ask = "generate"
    fallbacks: tuple[FallbackRow, ...] = ()


class FailureRow(Row):
    """What a plan does after one class of failure, by who pays: `timeout = "retry"` says it for both."""

    platform: Action | None = None
    user: Action | None = None

    @model_validator(mode="before")
    @classmethod
    def _said_for_both(cls, value: Any) -> Any:  # noqa: ANN401 - any TOML value
        if isinstance(value, dict):
            return value
        if value not in ACTIONS:
            raise PydanticCustomError("action", "write one of " + ", ".join(map(repr, ACTIONS)))
        return {"platform": value, "user": value}

    def action(self, payer: Payer) -> Action | None:
        """Return what is said for this payer; None: nothing."""
        return self.platform if payer == "platform" else self.user


class HedgeRow(Row):
    """A second hop is started where the first is slower than it usually is. The loser is cancelled."""

    share: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """How many of the calls may be hedged at most: 0.05 is one in twenty."""
    on_user_key: bool = False
    """Whether a user's key may pay for two requests where one would do."""


class FeatureRow(Row):
    """A named use of a model in the product, with what it needs and who may pay for it."""

    about: str
    needs: frozenset[Ability] = frozenset()
    payer: PayerRule = "user_or_platform"
    on_user_key_failure: Literal["raise", "platform"] = "raise"
    deadline_s: Seconds | None = None
    """For the whole call: all attempts, and the waits between them."""
    attempts: Annotated[int, Field(ge=1, le=10)] | None = None
    connect_s: Seconds | None = None
    """How long it may take until a connection is open."""
    first_token_s: Seconds | None = None
    """How long a stream may take until its first content; absent: as long as a request may."""
    chunk_s: Seconds | None = None
    """How long a stream may take from one content to the next."""
    failures: dict[str, FailureRow] = {}
    """By failure class: what differs from the catalog's own table for this feature."""
    hedge: HedgeRow | None = None
    last_resort: Name | None = None
    """What answers without a model where the whole plan failed: a name that the feature's own code knows."""
    options: dict[str, Options] = {}
    """Options by provider name: they hold wherever a route of this feature goes through that provider."""


class ProfileRow(Row):
    """A named table feature -> route. It may extend another one and change some of its rows."""

    about: str = ""
    extends: str | None = None
    abstract: bool = False
    """Only there to be extended: it may leave features out and can't be the active profile."""
    every: RouteRow | None = None
    """The route of every feature that has no row of its own here."""
    routes: dict[str, RouteRow] = {}
    unavailable: dict[str, str] = {}
    """Features that this profile can't serve, with the reason that `get_llm` gives."""


class ModelRow(Row):
    """What is special about some models of a provider. `match` are shell-style patterns of model names."""

    match: tuple[Pattern, ...]
    options: Options = Options()
    """Sent unless the feature or the route says otherwise."""
    unless_needs: frozenset[Ability] = frozenset()
    """`options` hold back for features that need any of these."""
    cannot: frozenset[str] = frozenset()
    """Options that these models refuse."""
    supports: frozenset[Ability] = frozenset()
    """Abilities that these models have beyond the provider's own."""
    window: Tokens | None = None
    """Their context window as the provider states it, in tokens. What is too long may fit a larger one."""


class CircuitRow(Row):
    """When a provider's circuits open: after so many failures in a window of time, for so long (seconds)."""

    failures: Annotated[int, Field(gt=0, le=1000)] = 5
    window_s: Seconds = 30.0
    open_s: Seconds = 15.0


def _sort_of_circuit(value: object) -> str:
    return "[off]" if isinstance(value, str) else "[circuit]"


Circuit = Annotated[
    Annotated[CircuitRow, Tag("[circuit]")] | Annotated[Literal["off"], Tag("[off]")],
    Discriminator(_sort_of_circuit),
]


class RateRow(Row):
    """How many requests some models of a provider are sent at most, on one payer's bill. All limits hold."""

    match: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    payer: Payer
    """Of users, each has these limits for their own."""
    limits: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    """Such as "500/minute" or "10 per second"."""


class VendorRow(Row):
    """How a provider that resells models names one vendor's, and where the same model is had directly."""

    match: tuple[Pattern, ...]
    prefix: str
    direct: str | None = None
    """The provider that serves these models itself: a user's key for it serves the same route."""


class ProbeRow(Row):
    """A page that a key opens, or doesn't, and that costs nothing: how a key is tried out."""

    get: Annotated[str, Field(pattern=r"^/[!-~]+$")]
    """Its path, and query if it needs one, after the provider's base URL."""
    headers: dict[str, str] = {}
    """Headers that it asks for, beyond the provider's own."""


class ProviderRow(Row):
    """A way to reach models: wire protocol, endpoint, name of the key's variable, naming, abilities."""

    about: str = ""
    protocol: Name
    base_url: str | None = None
    own_endpoint: bool = False
    """Every customer has an endpoint of their own: the operator names it in `<PROVIDER>_BASE_URL`."""
    launch: str | None = None
    """`package.module:Class` whose `start()` returns the base URL, called on first use."""
    key_env: str | None = None
    """The environment variable that holds the platform's key; absent where no key is needed."""
    key_of: str | None = None
    """The provider whose keys open this one too (another protocol of the same service)."""
    supports: frozenset[Ability] = frozenset({"tools", "structured_output", "streaming", "usage"})
    cannot: frozenset[str] = frozenset()
    """Options that the protocol knows and this provider refuses."""
    structured_method: Literal["json_schema", "function_calling", "json_mode"] | None = None
    """How structured output is asked for; absent: the way that the protocol's SDK prefers."""
    headers: dict[str, str] = {}
    probe: ProbeRow | None = None
    """The page that tells whether a key works; absent: a model is asked for one token."""
    models: tuple[ModelRow, ...] = ()
    vendors: tuple[VendorRow, ...] = ()
    circuit: Circuit = CircuitRow()
    """`"off"`: its failures are never held against it."""
    rates: tuple[RateRow, ...] = ()
    spare: bool = False
    """Ready for routes that aren't written yet: being unused is no mistake."""
