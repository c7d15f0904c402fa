"""What an attempt's failure says about its provider: that it fails, that it works, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass, Payer

Verdict = Literal["failed", "succeeded", "released"]
"""The method of Circuits that is to be told."""

OF_ANY_PAYER: Final[Mapping[FailureClass, Verdict]] = {
    "overloaded": "failed",
    "connection": "failed",
    # The provider has read the request and judged it: it is alive, and the next request may be a better one.
    "invalid_request": "succeeded",
    "context_length": "succeeded",
    "content_filter": "succeeded",
    # It came from a model that misses a schema as well as from a proxy that answers with a page of its own.
    "malformed_response": "released",
    "cancelled": "released",
    "unknown": "released",
}

VERDICTS: Final[Mapping[Payer, Mapping[FailureClass, Verdict]]] = {
    "platform": {
        **OF_ANY_PAYER,
        "timeout": "failed",
        "stream_broken": "failed",
        # One key and one account serve all calls of this circuit: what one is refused, the next one is.
        "rate_limited": "failed",
        "auth": "failed",
        "permission": "failed",
        "quota": "failed",
    },
    "user": {
        **OF_ANY_PAYER,
        # All users share this circuit, so nothing counts that one user's request or account can bring about:
        # a long prompt times out, and a small plan is served slowly. A hanging provider costs users their own
        # time limits, as it would without a circuit.
        "timeout": "released",
        "stream_broken": "released",
        # Their key was judged, no model was asked: that neither harms other users nor shows that it works.
        "rate_limited": "released",
        "auth": "released",
        "permission": "released",
        "quota": "released",
    },
}


def verdict(failure_class: FailureClass, payer: Payer) -> Verdict:
    """Return what a circuit is told of an attempt that failed so, on this payer's bill."""
    return VERDICTS[payer][failure_class]
