"""Mistakes in what a catalog says of plans: budgets, what follows failures, hedges, circuits, rates."""

from __future__ import annotations

from tests.llm.catalog.mistakes import (
    ABOUT,
    EXTRACT,
    SUMMARY,
    Mistake,
    extract_with,
    features,
    more,
    providers,
)

KEY = 'key_env = "ACME_API_KEY"'
FALLBACK = 'fallbacks = [{ provider = "acme", model = "swift-9" }]'
LEADS_ON = (
    ("profiles", SUMMARY, SUMMARY.replace(" }", ', fallbacks = [{ provider = "tiny", model = "t" }] }')),
)
"""The edit that gives `summary` a fallback."""


def summary(lines: str, says: str) -> Mistake:
    """A mistake in the row of a feature without any fallback, from line 3 on."""
    return features(ABOUT, f"{ABOUT}\n{lines}", says)


def led_on(lines: str, says: str) -> Mistake:
    """A mistake in the row of a feature that has a fallback."""
    return Mistake(says, ((("features", ABOUT, f"{ABOUT}\n{lines}"), *LEADS_ON)))


def of_guard(lines: str, says: str) -> Mistake:
    """A mistake in the row of a feature that only the platform pays for."""
    return features("", lines, says)


def acme(lines: str, says: str) -> Mistake:
    """A mistake in the row of a provider, from line 5 on."""
    return providers(KEY, f"{KEY}\n{lines}", says)


WRONG_ACTIONS = {
    "an invalid request that goes on": led_on(
        'failures.invalid_request = "next"',
        "features.toml:3: invalid_request = 'next' can't be: the request is wrong at every hop, and each "
        "would bill it; write 'raise'",
    ),
    "an invalid request that is retried on one bill": led_on(
        'failures.invalid_request = { user = "retry" }', "features.toml:3: invalid_request = 'retry' can't be"
    ),
    "a cancelled call that goes on": led_on(
        'failures.cancelled = "retry"', "features.toml:3: cancelled = 'retry' can't be: nobody waits"
    ),
    "a user's refused key that falls through": led_on(
        'failures.auth = { user = "next" }',
        "features.toml:3: auth = 'next' can't be: a user's failing key never falls through "
        "(on_user_key_failure says whether the platform pays); write 'raise'",
    ),
    "a user's empty account that is tried again": led_on(
        'failures.quota = "retry"',
        "quota = 'retry' can't be: a user's failing key never falls through (on_user_key_failure says "
        "whether the platform pays); write 'raise', and for the platform alone { platform = 'retry' }",
    ),
    "the same in the catalog's own table": more(
        '[failures]\npermission.user = "next"\n',
        "more.toml:2: permission = 'next' can't be: a user's failing",
    ),
    "a filtered request that is sent again": led_on(
        'failures.content_filter = "retry"',
        "content_filter = 'retry' can't be: the same hop would refuse it again; write 'next' or 'raise'",
    ),
    "a request that is too long and is sent again": led_on(
        'failures.context_length = "retry"',
        "context_length = 'retry' can't be: the request is as long the second time; write 'larger' or 'next'",
    ),
    "a longer window for another failure": more(
        '[failures]\ntimeout = "larger"\n',
        "more.toml:2: timeout = 'larger' can't be: a longer context window mends context_length only; write "
        "'retry' or 'next' or 'raise'",
    ),
    "a class that there is none of": led_on(
        'failures.time_out = "next"',
        "features.toml:3: unknown failure class 'time_out'; did you mean 'timeout'?",
    ),
    "a class that there is none of in the catalog's own table": more(
        '[failures]\noverload = "next"\n',
        "more.toml:2: unknown failure class 'overload'; did you mean 'overloaded'?",
    ),
    "an action that there is none of": led_on(
        'failures.timeout = "retri"',
        "features.toml:3: 'features.summary.failures.timeout' is 'retri': write one of 'retry', 'next',",
    ),
    "an action that there is none of on one bill": more(
        '[failures]\ntimeout.user = "retri"\n',
        "more.toml:2: 'failures.timeout.user' is 'retri': input should be",
    ),
    "an action that is a list": more(
        '[failures]\ntimeout = ["retry"]\n',
        "more.toml:2: 'failures.timeout' is ['retry']: write one of 'retry'",
    ),
    "a payer that there is none of": led_on(
        'failures.timeout = { usr = "next" }',
        "features.toml:3: unknown key 'features.summary.failures.timeout.usr'; did you mean 'user'?",
    ),
    "a row that says nothing": led_on(
        "failures.timeout = {}",
        "features.toml:3: nothing is said of 'timeout': name a payer and what follows",
    ),
    "a row of the catalog's own table that says nothing": more(
        "[failures]\ntimeout = {}\n",
        "more.toml:2: nothing is said of 'timeout': name a payer and what follows",
    ),
}

IDLE_ACTIONS = {
    "a rule that the catalog's table has already": led_on(
        'failures.timeout = "retry"',
        "features.toml:3: timeout = 'retry' has no effect: failures.toml:",
    ),
    "a rule that holds already on one bill": led_on(
        'failures.auth = { platform = "next" }',
        "features.toml:3: auth = 'next' has no effect: failures.toml:",
    ),
    "a rule for a payer who never pays": Mistake(
        "features.toml:15: timeout = 'next' has no effect: the payer of 'guard' is 'platform_only'",
        (("features", "", 'failures.timeout = { user = "next" }\n'),),
    ),
    "a next hop where there can be none": summary(
        'failures.timeout = "next"',
        "features.toml:3: timeout = 'next' leads nowhere: no route of 'summary' has a fallback; name one, or",
    ),
    "an end where the plan ends anyway": summary(
        'failures.unknown = "raise"',
        "features.toml:3: unknown = 'raise' has no effect: no route of 'summary' has a fallback, so",
    ),
    "a next hop in a catalog without any fallback": more(
        '[failures]\ncontent_filter = "next"\n',
        "more.toml:2: content_filter = 'next' has no effect: no route has a fallback, so plans end there",
    ),
}

BUDGETS = {
    "a first content later than the deadline": summary(
        "deadline_s = 5\nfirst_token_s = 8",
        "features.toml:4: first_token_s = 8 has no effect: the whole call ends after 5 s (features.toml:3)",
    ),
    "chunks as far apart as the deadline": summary(
        "chunk_s = 5\ndeadline_s = 5",
        "features.toml:3: chunk_s = 5 has no effect: the whole call ends after 5 s",
    ),
    "a time limit that every call has": summary(
        "connect_s = 10", "features.toml:3: connect_s has no effect: the default of every call says 10"
    ),
    "a time limit that is none": summary(
        "chunk_s = 0", "features.toml:3: 'features.summary.chunk_s' is 0: input should be greater than 0"
    ),
    "a fallback that the attempts never reach": Mistake(
        "profiles.toml:6: this fallback of 'extract' has no effect: attempts = 1 (features.toml:6) never",
        (
            ("features", 'about = "Extract"', 'about = "Extract"\nattempts = 1'),
            ("providers", 'key_env = "BROKER_API_KEY"', 'key_env = "BROKER_API_KEY"\ncircuit = "off"'),
            ("profiles", EXTRACT, extract_with(FALLBACK)),
        ),
    ),
    "a hedge without a second hop": summary(
        "hedge = {}",
        "features.toml:3: has no effect: no route of 'summary' has a fallback to start beside its",
    ),
    "a hedge without a second request": led_on(
        "hedge = {}\nattempts = 1",
        "features.toml:3: has no effect: attempts = 1 leaves 'summary' no second request",
    ),
    "a hedge that only users could pay for, and mustn't": led_on(
        'hedge = {}\npayer = "user_only"', "features.toml:3: has no effect: only users pay for 'summary', and"
    ),
    "a hedge on users' keys where none are used": led_on(
        'hedge = { on_user_key = true }\npayer = "platform_only"',
        "features.toml:3: has no effect: the payer of 'summary' is 'platform_only'",
    ),
    "a hedge of every call": led_on(
        "hedge.share = 0.9",
        "features.toml:3: 'features.summary.hedge.share' is 0.9: input should be less than or",
    ),
    "an unknown key of a hedge": led_on(
        "hedge.shares = 0.1", "unknown key 'features.summary.hedge.shares'; did you mean 'share'?"
    ),
}

OF_PROVIDERS = {
    "a circuit that every provider has": acme(
        "circuit = {}", "providers.toml:5: has no effect: it repeats the default of every provider"
    ),
    "a circuit that never counts": acme(
        "circuit = { failures = 0 }",
        "providers.toml:5: 'providers.acme.circuit.failures' is 0: input should be",
    ),
    "a circuit that is open for no time": acme(
        "circuit.open_s = -1",
        "providers.toml:5: 'providers.acme.circuit.open_s' is -1: input should be greater",
    ),
    "a circuit by a wrong word": acme(
        'circuit = "of"', "providers.toml:5: 'providers.acme.circuit' is 'of': input should be 'off'"
    ),
    "an unknown key of a circuit": acme(
        "circuit.windows_s = 5", "unknown key 'providers.acme.circuit.windows_s'; did you mean 'window_s'?"
    ),
    "a rate limit that is none": acme(
        'rates = [{ match = ["swift*"], payer = "platform", limits = ["9/second", "many"] }]',
        "providers.toml:5: 'many' is no rate limit",
    ),
    "a rate limit by an unknown unit": acme(
        'rates = [{ match = ["swift*"], payer = "platform", limits = ["500/minite"] }]',
        "did you mean 'minute'?",
    ),
    "a rate limit that is written twice": acme(
        'rates = [{ match = ["swift*"], payer = "platform", limits = ["9/second", "9/second"] }]',
        "providers.toml:5: '9/second' has no effect: it is written here twice",
    ),
    "a row of rates without a limit": acme(
        'rates = [{ match = ["swift*"], payer = "platform", limits = [] }]',
        "'providers.acme.rates.0.limits' is []: tuple should have at least 1 item",
    ),
    "a row of rates for models that nobody asks for": acme(
        'rates = [{ match = ["slow*"], payer = "platform", limits = ["9/second"] }]',
        "providers.toml:5: these limits have no effect: no route asks 'acme' for such a model (they ask for",
    ),
    "a row of rates for a payer who never pays there": providers(
        "supports = [",
        'rates = [{ match = ["*"], payer = "user", limits = ["9/second"] }]\nsupports = [',
        "providers.toml:15: these limits have no effect: such a model is never on the user's bill here",
    ),
    "a window of no tokens": providers(
        "",
        '\n[[providers.tiny.models]]\nmatch = ["mini"]\nwindow = 0\n',
        "'providers.tiny.models.0.window' is 0: input should be greater than 0",
    ),
}

PLAN_MISTAKES = WRONG_ACTIONS | IDLE_ACTIONS | BUDGETS | OF_PROVIDERS
