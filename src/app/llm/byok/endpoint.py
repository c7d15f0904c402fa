"""UserEndpoint: an OpenAI-compatible endpoint of the user's own, with the one key that goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from app.errors import UserEndpointRefused, nearest
from app.llm.byok.endpoint_url import canonical_url
from app.llm.byok.secret_keys import checked_key
from app.llm.catalog.model import USER_ENDPOINT, Provider
from app.llm.catalog.rows import Ability, ProviderRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import SecretStr

LONGEST_MODEL = 256
"""Characters of a model's name."""
ABILITIES: tuple[Ability, ...] = get_args(Ability)
DEFAULT_ABILITIES: frozenset[Ability] = ProviderRow.model_fields["supports"].default
"""What a provider's row has unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class NamedEndpoint:
    """What of a user's endpoint isn't secret: all that a plan depends on."""

    base_url: str
    model: str
    supports: frozenset[Ability]

    def provider(self) -> Provider:
        """Return the endpoint as if it were a row of the catalog."""
        row = ProviderRow(protocol="openai_compatible", base_url=self.base_url, supports=self.supports)
        return Provider(USER_ENDPOINT, row)


class UserEndpoint:
    """Immutable: base URL, model and key of a user's own endpoint, one unit that is never taken apart.

    `base_url` is kept in its canonical spelling. `supports` are the abilities of the model behind it; without
    them, those that most have. The key is a secret: no repr, pickle or copy shows it.

    :raises UserEndpointRefused: the URL isn't plain http(s), or the model's name or an ability can't be one.
    :raises InvalidUserKey: the key is blank, too long, or holds anything but printable ASCII.
    """

    __slots__ = ("key", "named")

    key: SecretStr
    named: NamedEndpoint

    def __init__(
        self, base_url: str, model: str, key: str | SecretStr, supports: Iterable[str] | None = None
    ) -> None:
        abilities = DEFAULT_ABILITIES if supports is None else frozenset(_ability(name) for name in supports)
        named = NamedEndpoint(canonical_url(base_url), _checked_model(model), abilities)
        object.__setattr__(self, "named", named)
        object.__setattr__(self, "key", checked_key(USER_ENDPOINT, key))

    @property
    def base_url(self) -> str:
        """Where it is, in canonical spelling."""
        return self.named.base_url

    @property
    def model(self) -> str:
        """The model's name, as the endpoint knows it."""
        return self.named.model

    @property
    def supports(self) -> frozenset[Ability]:
        """What the model can do."""
        return self.named.supports

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a user's endpoint is immutable: {name} can't be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a user's endpoint is immutable: {name} can't be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UserEndpoint):
            return NotImplemented
        return (self.named, self.key) == (other.named, other.key)

    def __hash__(self) -> int:
        return hash(self.named)

    def __repr__(self) -> str:
        return f"UserEndpoint({self.base_url!r}, {self.model!r}, with a key)"

    def __copy__(self) -> UserEndpoint:
        return self

    def __deepcopy__(self, memo: object) -> UserEndpoint:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a user's endpoint holds a secret and can't be pickled: make a new one there")


def _ability(name: str) -> Ability:
    for ability in ABILITIES:
        if ability == name:
            return ability
    raise UserEndpointRefused(
        f"nothing is called {name!r} among what a model can do{nearest(name, ABILITIES)}"
    )


def _checked_model(model: str) -> str:
    text = model.strip()
    if not text or len(text) > LONGEST_MODEL or not text.isprintable():
        raise UserEndpointRefused(
            f"its model's name has to be a printable text of at most {LONGEST_MODEL} characters"
        )
    return text
