"""The tables of failure: HTTP status, structured code, kind, exception type and phrase -> failure class.

They are asked in this order: codes, status, kinds, types, phrases. What is first in a row decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass

REDIRECTS, CLIENT_ERRORS, SERVER_ERRORS = 300, 400, 500
"""Where the statuses of each sort begin (RFC 9110)."""

BY_STATUS: Final[Mapping[int, FailureClass]] = {
    400: "invalid_request",
    401: "auth",
    402: "quota",
    403: "permission",
    404: "invalid_request",
    407: "connection",  # a proxy of ours wants a password: no provider was asked
    408: "timeout",
    409: "overloaded",
    413: "context_length",
    422: "invalid_request",
    425: "overloaded",
    429: "rate_limited",
    451: "permission",
    498: "overloaded",  # Groq: no capacity
    499: "cancelled",  # Google and Anthropic: the request was cancelled
    501: "invalid_request",
    505: "invalid_request",
    511: "connection",  # a captive network answered, no provider
    504: "timeout",
    522: "timeout",  # Cloudflare: the provider behind it didn't answer
    524: "timeout",
}
"""Any other 5xx is `overloaded`; any other 4xx and every redirect (none is followed) `invalid_request`."""

BY_CODE: Final[Mapping[str, FailureClass]] = {
    # ------------------------------------------------ OpenAI, and who speaks as it does
    "insufficient_quota": "quota",
    "quota_exceeded": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "quota",
    "insufficient_balance": "quota",
    "insufficient_credits": "quota",
    "rate_limit_exceeded": "rate_limited",
    "invalid_api_key": "auth",
    "account_deactivated": "auth",
    "ip_not_authorized": "permission",
    "unsupported_country_region_territory": "permission",
    "context_length_exceeded": "context_length",
    "string_above_max_length": "context_length",
    "string_too_long": "context_length",
    "token_limit_exceeded": "context_length",
    "max_tokens_exceeded": "context_length",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "responsibleaipolicyviolation": "content_filter",
    "data_inspection_failed": "content_filter",
    "moderation_blocked": "content_filter",
    "invalid_prompt": "content_filter",
    "json_validate_failed": "malformed_response",
    "tool_use_failed": "malformed_response",
    "output_parse_failed": "malformed_response",
    "engine_overloaded": "overloaded",
    "slow_down": "overloaded",
    # ------------------------------------------------ Anthropic
    "billing_error": "quota",
    "contract_spend_limit_reached": "quota",
    "enforced_spend_limit_reached": "quota",
    "linked_organization_spend_limit_reached": "quota",
    "linked_organization_billing_unavailable": "quota",
    "user_profile_not_billable": "quota",
    "organization_on_hold": "permission",
    "organization_not_enrolled_in_beta": "permission",
    "organization_type_not_supported": "permission",
    "request_body_timeout": "timeout",
    "request_too_large": "context_length",
    # ------------------------------------------------ Google's reasons
    "api_key_invalid": "auth",
    "access_token_expired": "auth",
    "access_token_scope_insufficient": "permission",
    "account_state_invalid": "auth",
    "api_key_service_blocked": "permission",
    "api_key_http_referrer_blocked": "permission",
    "api_key_ip_address_blocked": "permission",
    "consumer_suspended": "permission",
    "service_disabled": "permission",
    "billing_disabled": "quota",
}
"""A provider's specific word, lower-cased -> class. It knows better than the status, which others share."""

BILLING: Final[frozenset[str]] = frozenset(
    {
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        "insufficient_credits",
        "billing_error",
        "linked_organization_billing_unavailable",
        "user_profile_not_billable",
        "billing_disabled",
    }
)
"""The codes of a quota that is a matter of money."""

ABOUT_THE_REQUEST: Final[frozenset[FailureClass]] = frozenset({"context_length", "content_filter"})
"""Classes that hold whoever says it: also where a broker passes on what the provider behind it said."""

BY_KIND: Final[Mapping[str, FailureClass]] = {
    "invalid_request_error": "invalid_request",
    "not_found_error": "invalid_request",
    "invalid_argument": "invalid_request",
    "failed_precondition": "invalid_request",
    "out_of_range": "invalid_request",
    "not_found": "invalid_request",
    "unimplemented": "invalid_request",
    "authentication_error": "auth",
    "unauthenticated": "auth",
    "permission_error": "permission",
    "permission_denied": "permission",
    "rate_limit_error": "rate_limited",
    "resource_exhausted": "rate_limited",
    "too_many_requests": "rate_limited",
    "overloaded_error": "overloaded",
    "api_error": "overloaded",
    "server_error": "overloaded",
    "internal_server_error": "overloaded",
    "internal_error": "overloaded",
    "internal": "overloaded",
    "unavailable": "overloaded",
    "service_unavailable": "overloaded",
    "aborted": "overloaded",
    "conflict_error": "overloaded",
    "timeout_error": "timeout",
    "deadline_exceeded": "timeout",
    "cancelled": "cancelled",
}
"""A provider's general word, lower-cased -> class: for errors inside an answer, which have no status."""

SPOKEN_OF_A_400: Final[tuple[tuple[str, FailureClass], ...]] = (
    ("prompt is too long", "context_length"),
    ("input is too long", "context_length"),
    ("context length", "context_length"),
    ("context window", "context_length"),
    ("context limit", "context_length"),
    ("contextwindowexceeded", "context_length"),
    ("maximum number of tokens", "context_length"),
    ("input tokens exceed", "context_length"),
    ("token limit", "context_length"),
    ("payload size exceeds the limit", "context_length"),
    ("credit balance is too low", "quota"),
    ("exceeded your current quota", "quota"),
    ("reached your specified api usage limits", "quota"),
    ("free tier is not available", "quota"),
    ("api key not valid", "auth"),
    ("invalid api key", "auth"),
    ("incorrect api key", "auth"),
    ("location is not supported", "permission"),
    ("organization has been disabled", "permission"),
    ("content management policy", "content_filter"),
    ("content filtering policy", "content_filter"),
    ("usage policy", "content_filter"),
)
"""Phrases, lower-cased, that tell one HTTP 400 from another where a provider gives it no code of its own."""

SPOKEN: Final[tuple[tuple[str, FailureClass], ...]] = (
    *SPOKEN_OF_A_400,
    ("rate limit", "rate_limited"),
    ("too many requests", "rate_limited"),
    ("overloaded", "overloaded"),
    ("unavailable", "overloaded"),
    ("timed out", "timeout"),
    ("timeout", "timeout"),
)
"""Phrases for an error that has nothing but a text: neither status nor code nor a type that says more."""

SPOKEN_OF_MONEY: Final[frozenset[str]] = frozenset(
    {"credit balance is too low", "free tier is not available"}
)
"""The phrases of a quota that is a matter of money."""
