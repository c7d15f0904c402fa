"""What a catalog says of plans has an effect that fits, or is an error with its place and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import CatalogError
from app.llm import TomlProfileRepository
from tests.llm.catalog.catalogs import HONOURS, load, problems, written
from tests.llm.catalog.mistakes import ABOUT, Mistake
from tests.llm.catalog.plan_mistakes import FALLBACK, LEADS_ON, PLAN_MISTAKES

if TYPE_CHECKING:
    from pathlib import Path

EVERY = 'every = { provider = "tiny", model = "mini" }'
LAST_RESORTS = {"summary": frozenset({"first_line", "nothing"})}

FINE = {
    "one attempt, at whichever hop's circuit is closed": "attempts = 1\n",
    "a filtered request may be asked elsewhere": 'failures.content_filter = "next"\n',
    "a request that is too long may go to a window that nobody knows": 'failures.context_length = "next"\n',
    "our refused key may end the call": 'failures.auth = { platform = "raise" }\n',
    "both payers may be told apart": 'failures.timeout = { platform = "next", user = "raise" }\n',
    "a stricter word for both, of which one holds already": 'failures.auth = "raise"\n',
    "hedging on users' keys": "hedge = { share = 0.5, on_user_key = true }\n",
    "time limits below the deadline": "deadline_s = 9\nconnect_s = 1\nfirst_token_s = 3\nchunk_s = 2\n",
}


def with_summary(directory: Path, lines: str) -> Path:
    """Write the right catalog, `summary` with a fallback and these lines."""
    edits = (("features", ABOUT, f"{ABOUT}\n{lines}"), *LEADS_ON)
    return written(directory, **Mistake("", edits).files())


@pytest.mark.parametrize("name", PLAN_MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_mend(name: str, tmp_path: Path) -> None:
    mistake = PLAN_MISTAKES[name]
    found = problems(written(tmp_path, **mistake.files()))

    assert any(mistake.says in problem for problem in found), "\n".join(found)


@pytest.mark.parametrize("name", PLAN_MISTAKES)
def test_a_mistake_is_the_only_problem_that_is_found(name: str, tmp_path: Path) -> None:
    assert len(problems(written(tmp_path, **PLAN_MISTAKES[name].files()))) == 1


@pytest.mark.parametrize("lines", FINE.values(), ids=FINE)
def test_what_fits_and_has_an_effect_is_no_mistake(lines: str, tmp_path: Path) -> None:
    assert "summary" in load(with_summary(tmp_path, lines)).features


def test_a_fallback_that_others_take_as_well_may_be_out_of_a_features_reach(tmp_path: Path) -> None:
    """`every` of a profile is one line for all its features."""
    mistake = Mistake(
        "",
        (
            ("features", ABOUT, f"{ABOUT}\nattempts = 1"),
            ("providers", "supports = [", 'circuit = "off"\nsupports = ['),
            ("profiles", EVERY, EVERY.replace(" }", f", {FALLBACK} }}")),
        ),
    )
    assert load(written(tmp_path, **mistake.files())).features["summary"].row.attempts == 1


def test_a_fallback_behind_a_hop_with_a_rate_limit_is_within_reach(tmp_path: Path) -> None:
    limited = 'circuit = "off"\nrates = [{ match = ["*"], payer = "platform", limits = ["9/second"] }]'
    key = 'key_env = "ACME_API_KEY"'
    edits = (
        ("features", ABOUT, f"{ABOUT}\nattempts = 1"),
        ("providers", key, f"{key}\n{limited}"),
        *LEADS_ON,
    )

    assert load(written(tmp_path, **Mistake("", edits).files())).providers["acme"].row.circuit == "off"


def test_rates_of_a_spare_provider_may_hold_for_models_that_nobody_asks_for(tmp_path: Path) -> None:
    row = (
        '\n[providers.later]\nprotocol = "openai_compatible"\nbase_url = "https://x.example"\nspare = true\n'
        'rates = [{ match = ["*"], payer = "user", limits = ["9/second"] }]\n'
    )
    assert (
        load(written(tmp_path, **Mistake("", (("providers", "", row),)).files())).providers["later"].row.rates
    )


def test_rates_hold_for_the_direct_equivalent_that_a_users_key_is_good_for(tmp_path: Path) -> None:
    """swift-2 is written at the broker only, and is acme's for a user with a key for acme."""
    key = 'key_env = "ACME_API_KEY"'
    own = 'rates = [{ match = ["swift-2"], payer = "PAYER", limits = ["9/second"] }]'

    def with_payer(payer: str) -> Path:
        edit = ("providers", key, f"{key}\n{own.replace('PAYER', payer)}")
        return written(tmp_path, **Mistake("", (edit,)).files())

    assert load(with_payer("user")).providers["acme"].rates("swift-2", "user") == ("9/second",)
    assert "never on the platform's bill" in problems(with_payer("platform"))[0]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "firstline",
            "features.toml:3: unknown last resort 'firstline' of 'summary'; did you mean 'first_line'?",
        ),
        ("zzz", "features.toml:3: unknown last resort 'zzz' of 'summary': it has 'first_line', 'nothing'"),
    ],
)
def test_an_unknown_last_resort_is_an_error_with_those_there_are(
    name: str, says: str, tmp_path: Path
) -> None:
    directory = with_summary(tmp_path, f'last_resort = "{name}"')

    with pytest.raises(CatalogError) as caught:
        TomlProfileRepository(
            HONOURS, directory=directory, mode="replace", last_resorts=LAST_RESORTS
        ).catalog()
    (problem,) = caught.value.problems
    assert problem.endswith(says)


def test_a_last_resort_of_a_feature_that_has_none_is_an_error(tmp_path: Path) -> None:
    directory = with_summary(tmp_path, 'last_resort = "first_line"')

    with pytest.raises(CatalogError, match="feature 'summary' can do nothing without a model"):
        TomlProfileRepository(HONOURS, directory=directory, mode="replace", last_resorts={}).catalog()


def test_a_known_last_resort_is_kept_and_where_nobody_knows_any_it_is_not_judged(tmp_path: Path) -> None:
    directory = with_summary(tmp_path, 'last_resort = "first_line"')
    known = TomlProfileRepository(HONOURS, directory=directory, mode="replace", last_resorts=LAST_RESORTS)

    for catalog in (known.catalog(), load(directory)):
        assert catalog.features["summary"].row.last_resort == "first_line"
