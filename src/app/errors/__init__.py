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
    │   ├── UnfitArgument             a hop of the plan can't honour an argument of the call
    │   └── LocalModelMissing         the embedded model's packages aren't installed
    ├── ScopeError                    what a request brought with it can't be used
    │   ├── InvalidUserKey            blank, over-long, sent twice or not printable ASCII
    │   ├── UnknownKeyProvider        a key for a provider that the catalog doesn't know
    │   ├── UserKeyMismatch           the key isn't the one that this user enrolled
    │   ├── UserKeyRequired           a user_only feature, and this user sent no key that fits
    │   ├── UserEndpointRefused       a user's own endpoint that may not be called, and why
    │   └── ForeignScope              a model was called inside another user's request
    ├── EnrolmentUnavailable          the store of enrolled keys can't be asked
    ├── InvalidBudget                 a call was given a limit that makes no sense
    ├── ModelDetached                 a model that was loaded from its description is called
    ├── ResourceClosed                something was asked of a container that was closed
    ├── TransportRefused              the shared transport would not send this request, and why
    │   └── RealRequestForbidden      a test forbids requests to providers, and something sent one
    ├── ScriptExhausted               a test's scripted model was asked more often than it has answers
    ├── ModelCallFailed               a call failed, for a reason that none of these names
    │   ├── KeyRejected               reason: invalid, permission, quota or billing
    │   │   ├── UserKeyRejected       the provider refused the user's key
    │   │   └── PlatformKeyRejected   the provider refused the platform's key
    │   ├── RateLimited               carries when to come back, if the provider said it
    │   ├── ProviderTimeout           no answer in time
    │   ├── ProviderUnavailable       overloaded, broken or out of reach
    │   │   └── CircuitOpen           it failed so often just now that nobody was asked
    │   ├── InvalidRequest            the provider would not take this request
    │   │   └── ContextTooLong        it is longer than the model takes
    │   ├── ContentFiltered           the provider's rules about content refused it
    │   ├── MalformedResponse         an answer came that can't be read
    │   └── StreamBroken              carries the text that had arrived
    └── InputError                    a file or a line that can't be read; carries its place

Messages never contain a secret: they are built from names, numbers and places only. Each error knows the HTTP
status that a product answers with (`http_status`) and what its client may see (`to_dict()`), and survives
pickling and copying.
"""

from __future__ import annotations

from app.errors.calls import (
    CircuitOpen,
    ContentFiltered,
    ContextTooLong,
    FailureClass,
    InvalidRequest,
    KeyReason,
    KeyRejected,
    MalformedResponse,
    ModelCallFailed,
    Payer,
    PlatformKeyRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    StreamBroken,
    UserKeyRejected,
)
from app.errors.configuration import (
    CatalogError,
    ConfigurationError,
    FeatureUnavailable,
    LocalModelMissing,
    MissingPlatformKey,
    SettingsError,
    UnfitArgument,
    UnknownFeature,
    UnknownName,
    UnknownProfile,
    UnknownProtocol,
    UnknownProvider,
)
from app.errors.names import nearest
from app.errors.operation import (
    EnrolmentUnavailable,
    InputError,
    InvalidBudget,
    ModelDetached,
    RealRequestForbidden,
    ResourceClosed,
    ScriptExhausted,
    TransportRefused,
)
from app.errors.original import Original
from app.errors.root import PointsmanError
from app.errors.scope import (
    ForeignScope,
    InvalidUserKey,
    ScopeError,
    UnknownKeyProvider,
    UserEndpointRefused,
    UserKeyMismatch,
    UserKeyRequired,
)

__all__ = [
    "CatalogError",
    "CircuitOpen",
    "ConfigurationError",
    "ContentFiltered",
    "ContextTooLong",
    "EnrolmentUnavailable",
    "FailureClass",
    "FeatureUnavailable",
    "ForeignScope",
    "InputError",
    "InvalidBudget",
    "InvalidRequest",
    "InvalidUserKey",
    "KeyReason",
    "KeyRejected",
    "LocalModelMissing",
    "MalformedResponse",
    "MissingPlatformKey",
    "ModelCallFailed",
    "ModelDetached",
    "Original",
    "Payer",
    "PlatformKeyRejected",
    "PointsmanError",
    "ProviderTimeout",
    "ProviderUnavailable",
    "RateLimited",
    "RealRequestForbidden",
    "ResourceClosed",
    "ScopeError",
    "ScriptExhausted",
    "SettingsError",
    "StreamBroken",
    "TransportRefused",
    "UnfitArgument",
    "UnknownFeature",
    "UnknownKeyProvider",
    "UnknownName",
    "UnknownProfile",
    "UnknownProtocol",
    "UnknownProvider",
    "UserEndpointRefused",
    "UserKeyMismatch",
    "UserKeyRejected",
    "UserKeyRequired",
    "nearest",
]
