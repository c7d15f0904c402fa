"""Exception types -> failure class, by the names that SDKs and HTTP libraries share.

An exception is looked up by its class's name, then by those of its bases. Names and not classes, so that no
library is imported to look one up; a name that means two things carries its package's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass

TIMEOUT = (
    "TimeoutError",
    "TimeoutException",
    "APITimeoutError",
    "ModelTimeoutError",
    "ServerTimeoutError",
)
CONNECTION = (
    "APIConnectionError",
    "ModelConnectionError",
    "TransportError",
    "RequestError",
    "NetworkError",
    "ProxyError",
    "ProtocolError",
    "ConnectionNotAvailable",
    "ClientConnectionError",
    "ClientHttpProxyError",
    "ClientPayloadError",
    "aiohttp.ClientError",
    "BrokenResourceError",
    "ClosedResourceError",
    "EndOfStream",
    "IncompleteRead",
    "WebSocketError",
    "HttpProcessingError",
    "NoResponseError",
    "WebSocketConnectionClosedError",
    "WSServerHandshakeError",
    "WSMessageTypeError",
    "IncompleteReadError",
    "EOFError",
    "OSError",
)
INVALID_REQUEST = (
    "UnsupportedProtocol",
    "InvalidURL",
    "InvalidUrlClientError",
    "NonHttpUrlClientError",
    "TooManyRedirects",
    "ModelInvalidRequestError",
    "ModelNotFoundError",
    "UnknownFunctionCallArgumentError",
    "UnsupportedFunctionError",
    "FunctionInvocationError",
)
MALFORMED_RESPONSE = (
    "NothingInAnswer",
    "Unparsed",
    "JSONDecodeError",
    "DecodingError",
    "UnicodeDecodeError",
    "APIResponseValidationError",
    "ResponseValidationError",
    "UnknownApiResponseError",
    "LengthFinishReasonError",
    "OutputParserException",
    "ContentTypeError",
    "LimitOverrunError",
)

BY_TYPE: Final[Mapping[str, FailureClass]] = {
    **dict.fromkeys(TIMEOUT, "timeout"),
    **dict.fromkeys(CONNECTION, "connection"),
    **dict.fromkeys(INVALID_REQUEST, "invalid_request"),
    **dict.fromkeys(MALFORMED_RESPONSE, "malformed_response"),
    # ------------------------------------------------ what LangChain and the SDKs know without a status
    "ModelAuthenticationError": "auth",
    "AuthenticationError": "auth",
    "CredentialsError": "auth",
    "SubjectTokenProviderError": "auth",
    "WorkloadIdentityError": "auth",
    "EphemeralTokenAPIKeyError": "auth",
    "GoogleAuthError": "auth",
    "ModelPermissionDeniedError": "permission",
    "ModelRateLimitError": "rate_limited",
    "ModelAPIError": "overloaded",
    "InternalServerError": "overloaded",
    "ServerError": "overloaded",
    "ContextOverflowError": "context_length",
    "ContentFilterFinishReasonError": "content_filter",
    "OpenAIRefusalError": "content_filter",
    "StreamError": "stream_broken",
    "StreamUnfinished": "stream_broken",
    "StreamAlreadyConsumed": "stream_broken",
    "ContinuationInterruptedError": "stream_broken",
    "EofStream": "stream_broken",
    "CancelledError": "cancelled",
    # ------------------------------------------------ files and processes of this machine: nobody's network
    "FileNotFoundError": "unknown",
    "FileExistsError": "unknown",
    "PermissionError": "unknown",
    "IsADirectoryError": "unknown",
    "NotADirectoryError": "unknown",
    "ChildProcessError": "unknown",
    "ProcessLookupError": "unknown",
}

GUESSED_TYPES: Final[frozenset[str]] = frozenset({"ContextOverflowError"})
"""Types that LangChain itself chooses by a message's text (R12)."""

READING: Final[tuple[type[Exception], ...]] = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
)
"""What SDKs raise over an answer that isn't what they expect. Before a request left, it is the caller's."""
