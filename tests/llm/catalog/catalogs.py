"""Small catalogs for tests: a valid one, and its files with some lines changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import CatalogError
from app.llm import TomlProfileRepository
from app.llm.providers.registry import installed_adapters

if TYPE_CHECKING:
    from pathlib import Path

    from app.llm.catalog.model import Catalog

HONOURS = {name: adapter.honours for name, adapter in installed_adapters().items()}

FEATURES = """\
[features.summary]
about = "Summarise"

[features.extract]
about = "Extract"
needs = ["structured_output"]

[features.agent]
about = "Act"
needs = ["tools"]

[features.guard]
about = "Guard"
payer = "platform_only"
"""

PROVIDERS = """\
[providers.acme]
protocol = "openai_compatible"
base_url = "https://api.acme.example/v1"
key_env = "ACME_API_KEY"

[providers.broker]
protocol = "openai_compatible"
base_url = "https://broker.example/v1"
key_env = "BROKER_API_KEY"
vendors = [{ match = ["swift*"], prefix = "acme/", direct = "acme" }]

[providers.tiny]
protocol = "openai_compatible"
base_url = "http://127.0.0.1:9/v1"
supports = ["structured_output", "streaming", "usage"]
"""

PROFILES = """\
[pinned]
guard = { provider = "acme", model = "swift-1" }

[profiles.premium.routes]
summary = { provider = "acme", model = "swift-1" }
extract = { provider = "broker", model = "swift-2" }
agent = { provider = "acme", model = "swift-1" }

[profiles.byok]
extends = "premium"

[profiles.byok.routes]
summary = { provider = "broker", model = "swift-3" }

[profiles.local]
every = { provider = "tiny", model = "mini" }

[profiles.local.unavailable]
agent = "the tiny model can't call tools"
"""

FILES = {"features.toml": FEATURES, "providers.toml": PROVIDERS, "profiles.toml": PROFILES}


def written(directory: Path, **changed: str) -> Path:
    """Write the valid catalog, with the files named (`profiles=...`) replaced or added."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in {**FILES, **{f"{stem}.toml": text for stem, text in changed.items()}}.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def load(directory: Path, **reroutes: str) -> Catalog:
    """Compile a directory that stands instead of the shipped catalog."""
    repository = TomlProfileRepository(HONOURS, directory=directory, mode="replace", reroutes=reroutes)
    return repository.catalog()


def problems(directory: Path, **reroutes: str) -> tuple[str, ...]:
    """Return the problems that compiling the directory finds, with its files named without their path."""
    with pytest.raises(CatalogError) as caught:
        load(directory, **reroutes)
    return tuple(problem.replace(f"{directory}/", "") for problem in caught.value.problems)
