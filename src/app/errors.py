"""The whole error tree. Every error that Pointsman raises on purpose is one of these.

    PointsmanError
    ├── ConfigurationError            what is wrong can be mended by an operator, before any call
    │   ├── CatalogError              the catalog doesn't compile; carries every problem found
    │   ├── SettingsError             an environment variable or setting has a value that makes no sense
    │   ├── UnknownName               a name that nobody declared
    │   │   ├── UnknownFeature
    │   │   ├── UnknownProfile
    │   │   └── UnknownProvider
    │   ├── FeatureUnavailable        the profile says that it can't serve this feature, and why
    │   ├── MissingPlatformKey        names the environment variable to set
    │   ├── UnknownProtocol           a provider row names a wire protocol that no adapter speaks
    │   └── LocalModelMissing         the embedded model's packages aren't installed
    ├── ScopeError                    what a request brought with it can't be used
    │   ├── InvalidUserKey            blank, over-long, sent twice or not printable ASCII
    │   ├── UnknownKeyProvider        a key for a provider that the catalog doesn't know
    │   ├── UserKeyMismatch           the key isn't the one that this user enrolled
    │   ├── UserKeyRequired           a user_only feature, and this user sent no key that fits
    │   ├── UserEndpointRefused       a user's own endpoint that may not be called, and why
    │   └── ForeignScope              a model was called inside another user's request
    ├── EnrolmentUnavailable          the store of enrolled keys can't be asked
    ├── ModelDetached                 a model that was loaded from its description is called
    ├── ResourceClosed                something was asked of a container that was closed
    ├── TransportRefused              the shared transport would not send this request, and why
    │   └── RealRequestForbidden      a test forbids requests to providers, and something sent one
    ├── ModelCallFailed               an attempt failed; carries provider, model, payer, failure class, status
    │   ├── UserKeyRejected           the provider refused the user's key (401, 402, 403)
    │   └── PlatformKeyRejected       the provider refused the platform's key
    └── InputError                    a file or a line that can't be read; carries its place

Messages never contain a secret: they are built from names, numbers and places only.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Payer = Literal["platform", "user"]


class PointsmanError(Exception):
    """What every error of this package is."""


class ConfigurationError(PointsmanError):
    """Something an operator can mend before any call is made."""


class CatalogError(ConfigurationError):
    """A catalog that doesn't compile. `problems` holds all of them, one text each, with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__("\n".join([f"the catalog has {count} {noun}:", *self.problems]))


class SettingsError(ConfigurationError):
    """A setting with a value that makes no sense."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the known name nearest to `name`, or an empty text."""
    matches = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""


class UnknownName(ConfigurationError):
    """A name that nobody declared, with the nearest declared one as a suggestion."""

    noun = "name"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"unknown {self.noun} {name!r}{nearest(name, known)}")


class UnknownFeature(UnknownName):
    """No feature of this name in the catalog."""

    noun = "feature"


class UnknownProfile(UnknownName):
    """No profile of this name in the catalog."""

    noun = "profile"


class UnknownProvider(UnknownName):
    """No provider of this name in the catalog."""

    noun = "provider"


class FeatureUnavailable(ConfigurationError):
    """The active profile declares that it can't serve this feature."""

    def __init__(self, feature: str, profile: str, reason: str) -> None:
        self.feature, self.profile, self.reason = feature, profile, reason
        super().__init__(f"feature {feature!r} is unavailable in profile {profile!r}: {reason}")


class MissingPlatformKey(ConfigurationError):
    """The platform would pay, and the variable that holds its credential isn't set."""

    def __init__(self, provider: str, variable: str, feature: str) -> None:
        self.provider, self.variable, self.feature = provider, variable, feature
        super().__init__(
            f"feature {feature!r} goes to provider {provider!r} on the platform's bill, "
            f"but {variable} is not set; set it, or choose another profile with MODEL_QOS"
        )


class UnknownProtocol(ConfigurationError):
    """A provider row names a wire protocol that no installed adapter speaks."""

    def __init__(self, protocol: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(
            f"no adapter speaks protocol {protocol!r}{nearest(protocol, known)} "
            f"(installed: {', '.join(known)}; a package can add one through the entry-point group "
            "'pointsman.protocols')"
        )


class LocalModelMissing(ConfigurationError):
    """The packages of the embedded model aren't installed, or its weights can't be read."""


class ScopeError(PointsmanError):
    """What a request brought with it can't be used."""


class InvalidUserKey(ScopeError):
    """A user's key that can't be a key. The key itself is never part of the message."""

    def __init__(self, provider: str, reason: str) -> None:
        self.provider, self.reason = provider, reason
        super().__init__(f"the user's key for provider {provider!r} {reason}")


class UnknownKeyProvider(ScopeError):
    """A request brought a key for a provider that the catalog doesn't know."""

    def __init__(self, provider: str, known: Iterable[str]) -> None:
        self.provider = provider
        super().__init__(
            f"this request brought a key for {provider!r}, a provider that is not known here"
            f"{nearest(provider, known)}"
        )


class UserKeyMismatch(ScopeError):
    """The key that a request brought isn't the one that this user enrolled."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        super().__init__(
            f"the key for provider {provider!r} is not the one that this user enrolled; "
            "enrol it again, or send the enrolled one"
        )


class UserKeyRequired(ScopeError):
    """A feature that only users pay for, and no key of this user fits one of its routes."""

    def __init__(self, feature: str, providers: Sequence[str]) -> None:
        self.feature, self.providers = feature, tuple(providers)
        super().__init__(
            f"feature {feature!r} runs on the user's own key only, and this request brought none that fits; "
            f"it would run with a key for: {', '.join(self.providers) or 'no provider'}"
        )


class UserEndpointRefused(ScopeError):
    """An endpoint that a user named may not be called. The message names its host at most, never a key."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the user's own endpoint can't be used: {reason}")


class ForeignScope(ScopeError):
    """A model that was handed out for one request scope is called inside another one."""

    def __init__(self, feature: str) -> None:
        self.feature = feature
        super().__init__(
            f"this model for feature {feature!r} was handed out for another user's request; "
            "call get_llm inside the request that uses the model"
        )


class EnrolmentUnavailable(PointsmanError):
    """The store of enrolled keys can't be asked, so no sent key may be used."""


class ModelDetached(PointsmanError):
    """A routed model that was loaded from its description (a pickle, LangChain's `load`) is called."""

    def __init__(self, feature: str) -> None:
        self.feature = feature
        super().__init__(
            f"this model for feature {feature!r} is a description without its container: "
            "ask the llm_service of this process for it with get_llm"
        )


class ResourceClosed(PointsmanError):
    """Something was asked of a container, a cache or a server that was closed."""


class TransportRefused(PointsmanError):
    """The shared transport would not send this request."""


class RealRequestForbidden(TransportRefused):
    """A test forbids requests to providers, and something tried to send one."""


class ModelCallFailed(PointsmanError):
    """An attempt at a provider failed. Built from safe fields only; `__cause__` is the SDK's own error."""

    def __init__(  # noqa: PLR0913 - one field each of what a reader of the error needs
        self,
        *,
        feature: str,
        provider: str,
        model: str,
        payer: Payer,
        failure_class: str,
        status: int | None = None,
        attempts: int = 1,
    ) -> None:
        self.feature, self.provider, self.model = feature, provider, model
        self.payer, self.failure_class, self.status, self.attempts = payer, failure_class, status, attempts
        answer = f" (HTTP {status})" if status else ""
        super().__init__(
            f"feature {feature!r}: {failure_class}{answer} from provider {provider!r}, model {model!r}, "
            f"paid by the {payer}, after {attempts} attempt{'s' if attempts > 1 else ''}"
        )


class UserKeyRejected(ModelCallFailed):
    """The provider refused the user's own key. It never falls through to the platform's by itself."""


class PlatformKeyRejected(ModelCallFailed):
    """The provider refused the platform's key: an operator has to look at it."""


class InputError(PointsmanError):
    """A file or a line of it that can't be used, with its place."""
