"""Mistakes that people make in a catalog: what is changed in the right one, and what the error has to say."""

from __future__ import annotations

from dataclasses import dataclass

from tests.llm.catalog.catalogs import FILES

EXTRACT = '{ provider = "broker", model = "swift-2" }'
SUMMARY = 'summary = { provider = "acme", model = "swift-1" }'
AGENT = 'agent = { provider = "acme", model = "swift-1" }'
ABOUT = 'about = "Summarise"'
PREMIUM = f"[profiles.again.routes]\n{SUMMARY}\nextract = {EXTRACT}\n{AGENT}\n"


@dataclass(frozen=True)
class Mistake:
    """Edits of the right catalog, each (file, old text or none to append, new text); what the error says."""

    says: str
    edits: tuple[tuple[str, str, str], ...]

    def files(self) -> dict[str, str]:
        """Return the changed files by their stem."""
        texts = {name.removesuffix(".toml"): text for name, text in FILES.items()}
        for stem, old, new in self.edits:
            known = texts.get(stem, "")
            assert old in known, f"{old!r} isn't in {stem}.toml"
            texts[stem] = known.replace(old, new, 1) if old else known + new
        return texts


def profiles(old: str, new: str, says: str) -> Mistake:
    return Mistake(says, (("profiles", old, new),))


def features(old: str, new: str, says: str) -> Mistake:
    return Mistake(says, (("features", old, new),))


def providers(old: str, new: str, says: str) -> Mistake:
    return Mistake(says, (("providers", old, new),))


def more(text: str, says: str) -> Mistake:
    return Mistake(says, (("more", "", text),))


def extract_with(extra: str) -> str:
    return EXTRACT.replace(" }", f", {extra} }}")


MISTAKES = {
    "a header with a credential": providers(
        'key_env = "ACME_API_KEY"',
        'key_env = "ACME_API_KEY"\nheaders = { Api-Key = "x" }',
        "providers.toml:5: header 'Api-Key' would be refused by the transport: it carries a credential",
    ),
    "a header of the transport's": providers(
        'key_env = "ACME_API_KEY"',
        'key_env = "ACME_API_KEY"\nheaders = { Host = "acme.example" }',
        "providers.toml:5: header 'Host' has no effect: the transport writes it itself",
    ),
    "a header that none can be": providers(
        'key_env = "ACME_API_KEY"',
        'key_env = "ACME_API_KEY"\nheaders = { X-Title = "Caf\u00e9" }',
        "providers.toml:5: the value of header 'X-Title' has characters that no header has",
    ),
    "an unknown key": features(
        'payer = "pl',
        'pajer = "pl',
        "features.toml:14: unknown key 'features.guard.pajer'; did you mean 'payer'?",
    ),
    "an unknown option": profiles(
        EXTRACT,
        extract_with("options = { temprature = 1 }"),
        "profiles.toml:6: unknown key 'profiles.premium.routes.extract.options.temprature'; did you mean",
    ),
    "an unknown table": more(
        "[feature.other]\nabout = 'x'\n", "more.toml:1: unknown table 'feature'; did you mean 'features'?"
    ),
    "a value of the wrong type": profiles(
        EXTRACT,
        extract_with('options = { temperature = "hot" }'),
        "routes.extract.options.temperature' is 'hot': input should be a valid number",
    ),
    "a value out of range": profiles(
        EXTRACT,
        extract_with("options = { temperature = 2.5 }"),
        "routes.extract.options.temperature' is 2.5: input should be less than or equal to 2",
    ),
    "an unknown provider beside an unknown key of the same route": profiles(
        EXTRACT,
        extract_with("temprature = 1").replace("broker", "brokre"),
        "profiles.toml:6: unknown provider 'brokre'; did you mean 'broker'?",
    ),
    "an unknown provider beside another route that can't be read": Mistake(
        "profiles.toml:7: unknown provider 'acmee'; did you mean 'acme'?",
        (
            ("profiles", ', model = "swift-2"', ""),
            ("profiles", AGENT, AGENT.replace("acme", "acmee")),
        ),
    ),
    "a name near to that of a row that can't be read itself": Mistake(
        "profiles.toml:6: unknown feature 'extrct'; did you mean 'extract'?",
        (("features", 'about = "Extract"\n', ""), ("profiles", "extract =", "extrct =")),
    ),
    "an unknown provider in the default route": profiles(
        "",
        '\n[default]\nprovider = "acmee"\nmodel = "swift-0"\n',
        "profiles.toml:22: unknown provider 'acmee'; did you mean 'acme'?",
    ),
    "a missing key": profiles(
        ', model = "swift-2"', "", "profiles.toml:6: 'profiles.premium.routes.extract.model' is missing"
    ),
    "an unknown provider": profiles(
        EXTRACT,
        EXTRACT.replace("broker", "brokre"),
        "profiles.toml:6: unknown provider 'brokre'; did you mean 'broker'?",
    ),
    "an unknown feature in a profile": profiles(
        "extract = {",
        "extrakt = {",
        "profiles.toml:6: unknown feature 'extrakt'; did you mean 'extract'?",
    ),
    "an unknown feature that is pinned": profiles(
        "guard =", "gaurd =", "profiles.toml:2: unknown feature 'gaurd'; did you mean 'guard'?"
    ),
    "an unknown profile to extend": profiles(
        'extends = "premium"',
        'extends = "premum"',
        "profiles.toml:10: unknown profile 'premum'; did you mean 'premium'?",
    ),
    "a feature that a profile leaves out": profiles(
        f"extract = {EXTRACT}\n", "", "profiles.toml:4: profile 'premium' leaves out 'extract': route each"
    ),
    "an option that the provider can't honour": profiles(
        EXTRACT,
        extract_with("options = { thinking_budget = 0 }"),
        "profiles.toml:6: provider 'broker' can't honour 'thinking_budget' for model 'swift-2'",
    ),
    "an option that these models refuse": Mistake(
        "profiles.toml:7: provider 'acme' can't honour 'seed' for model 'swift-1'",
        (
            ("providers", "", '\n[[providers.acme.models]]\nmatch = ["swift-1*"]\ncannot = ["seed"]\n'),
            ("profiles", AGENT, AGENT.replace(" }", ", options = { seed = 7 } }")),
        ),
    ),
    "a value that the provider can't honour": Mistake(
        "provider 'claudius' can't honour reasoning_effort = 'minimal': it knows 'high', 'low'",
        (
            (
                "providers",
                "",
                '\n[providers.claudius]\nprotocol = "anthropic"\nbase_url = "https://claudius.example"\n',
            ),
            (
                "profiles",
                AGENT,
                'agent = { provider = "claudius", model = "i", options = { reasoning_effort = "minimal" } }',
            ),
        ),
    ),
    "options for a provider that no route of the feature goes through": features(
        "[features.guard]",
        "[features.guard]\noptions.tiny = { temperature = 0.8 }",
        "these options have no effect: no route of 'guard' goes through 'tiny' (it goes through acme)",
    ),
    "an option that repeats the default of every call": profiles(
        EXTRACT,
        extract_with("options = { timeout_s = 120 }"),
        "profiles.toml:6: 'timeout_s' has no effect: the default of every call says 120",
    ),
    "an option that repeats what the feature says": Mistake(
        "profiles.toml:5: 'temperature' has no effect: features.toml:3 says 0.8",
        (
            ("features", ABOUT, f"{ABOUT}\noptions.acme = {{ temperature = 0.8 }}"),
            ("profiles", SUMMARY, SUMMARY.replace(" }", ", options = { temperature = 0.8 } }")),
        ),
    ),
    "a payer rule that makes another rule idle": features(
        "", 'on_user_key_failure = "platform"\n', "has no effect: the payer of 'guard' is 'platform_only'"
    ),
    "a fallback that repeats its own hop": profiles(
        EXTRACT,
        extract_with(f"fallbacks = [{EXTRACT}]"),
        "profiles.toml:6: this fallback repeats 'swift-2:broker': name another (provider, model)",
    ),
    "a profile written out identically twice": profiles(
        "",
        f"\n{PREMIUM}",
        "profile 'again' is written out identically to 'premium': say extends = \"premium\" instead",
    ),
    "a route that repeats what it inherits": profiles(
        '{ provider = "broker", model = "swift-3" }',
        '{ provider = "acme", model = "swift-1" }',
        "this route of 'summary' has no effect: it repeats the one inherited from 'premium'",
    ),
    "a route of a pinned feature": profiles(
        "extract = {",
        'guard = { provider = "acme", model = "swift-9" }\nextract = {',
        "profiles.toml:6: this row of 'guard' has no effect: the feature is pinned at profiles.toml:2",
    ),
    "an unused provider": providers(
        "",
        '\n[providers.idle]\nprotocol = "openai_compatible"\nbase_url = "https://x.example"\n',
        "providers.toml:17: provider 'idle' is unused: route to it, or say spare = true",
    ),
    "an unused profile": profiles(
        "",
        "\n[profiles.draft]\nabstract = true\n",
        "profiles.toml:21: profile 'draft' is abstract and never extended: it is unused",
    ),
    "a cycle in extends": profiles(
        "[profiles.premium.routes]",
        '[profiles.premium]\nextends = "byok"\n\n[profiles.premium.routes]',
        "a circle of extends: byok, premium",
    ),
    "a need that a route can't meet": profiles(
        '[profiles.local.unavailable]\nagent = "the tiny model can\'t call tools"\n',
        "",
        "feature 'agent' needs tools, which 'mini:tiny' does not support: route it elsewhere, or declare it",
    ),
    "an unknown protocol": providers(
        '"openai_compatible"',
        '"openai_compatable"',
        "providers.toml:2: no adapter speaks protocol 'openai_compatable'; did you mean 'openai_compatible'?",
    ),
    "a provider without an endpoint": providers(
        'base_url = "https://broker.example/v1"\n',
        "",
        "providers.toml:6: provider 'broker' needs exactly one of base_url, launch, own_endpoint",
    ),
    "a scored choice without log-probabilities": profiles(
        '"mini" }',
        '"mini", ask = "score" }',
        "'score' needs wide_logprobs, which 'mini:tiny' does not support",
    ),
    "a refusal of what the protocol can't carry anyway": providers(
        "supports = [",
        'cannot = ["thinking_level"]\nsupports = [',
        "'thinking_level' has no effect: protocol 'openai_compatible' can't carry it anyway",
    ),
    "a page for trying out a key that nobody needs": providers(
        "supports = [",
        'probe = { get = "/models" }\nsupports = [',
        "providers.toml:15: has no effect: provider 'tiny' takes no key",
    ),
    "a page that is no path": providers(
        'key_env = "ACME_API_KEY"',
        'key_env = "ACME_API_KEY"\nprobe = { get = "https://elsewhere.example/models" }',
        "providers.toml:5: 'providers.acme.probe.get' is 'https://elsewhere.example/models'",
    ),
    "a row that is written twice": more(
        '[features.summary]\nabout = "again"\n', "features.summary is already written at"
    ),
    "a file that is no TOML": more("[features\n", "more.toml:1: can't be read"),
}
