"""What is wrong can be mended by an operator, before any call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors.names import nearest
from app.errors.root import PointsmanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ConfigurationError(PointsmanError):
    """Something an operator can mend before any call is made."""

    http_status = 503
    public_message = "this service is not set up for this request"


class CatalogError(ConfigurationError):
    """A catalog that doesn't compile. `problems` holds all of them, one text each, with its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__("\n".join([f"the catalog has {count} {noun}:", *self.problems]))


class SettingsError(ConfigurationError):
    """A setting with a value that makes no sense."""


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


class UnfitArgument(ConfigurationError):
    """An argument of a call that a hop of its plan can't honour. Raised before anybody is asked (R2)."""

    http_status = 500
    public_message = "the model can't be asked so"

    def __init__(self, argument: str, provider: str, model: str, reason: str) -> None:
        self.argument, self.provider, self.model, self.reason = argument, provider, model, reason
        super().__init__(
            f"argument {argument!r} of a call can't be honoured by model {model!r} at provider {provider!r}, "
            f"which is a hop of its plan: {reason}"
        )


class LocalModelMissing(ConfigurationError):
    """The packages of the embedded model aren't installed, or its weights can't be read."""
