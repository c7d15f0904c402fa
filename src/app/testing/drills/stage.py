"""The stage of a drill: a real container whose every provider is at the fault server, with made-up keys."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.containers import Container, running
from app.llm.providers.registry import base_url_variable
from app.settings import Settings
from app.testing.drills.groups import user_key
from app.testing.forbidding import ForbiddingTransport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

    from app.errors import Payer
    from app.llm.byok.resolver import BYOKResolver
    from app.llm.catalog.model import Catalog, Provider
    from app.llm.catalog.repository import ProfileRepository
    from app.llm.clock import Clock
    from app.llm.rates.port import RateKey
    from app.llm.running.record import CallRecord

PATHS: Final = {"openai_compatible": "/v1"}
"""The path of a provider whose row names no address, by wire protocol."""


class NoRates:
    """Rate limits without a limit: ours go by the machine's time, and a drill runs far ahead of it."""

    def take(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Return 0.0: there is room."""
        del key, limits
        return 0.0

    async def atake(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Return 0.0: there is room."""
        del key, limits
        return 0.0

    def close(self) -> None:
        """Do nothing."""


class DrillSettings(Settings):
    """Settings of which the environment says nothing: a drill knows no real key, database or Redis."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments only."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is drilled: a profile of a catalog, and who says which of its routes a user's keys serve."""

    repository: ProfileRepository
    resolver: BYOKResolver
    profile: str

    @property
    def catalog(self) -> Catalog:
        """The catalog, checked."""
        return self.repository.catalog()

    @contextmanager
    def container(
        self,
        origins: Mapping[str, str],
        clock: Clock,
        records: list[CallRecord],
    ) -> Iterator[Any]:
        """Yield a container whose providers are at these origins; each call's record is added to `records`.

        Nothing of it leaves this machine, whatever a catalog says: its transport forbids it.
        """
        container = Container(
            settings=settings_at(self.catalog, self.profile, origins),
            profile_repository=self.repository,
            byok_resolver=self.resolver,
            clock=clock,
            rates=NoRates(),
            transport=ForbiddingTransport(allow_loopback=True),
        )
        runner = container.plan_runner()
        container.plan_runner.override(replace(runner, tell=records.append, spread=half))
        with running(container):
            yield container


def half(longest: float) -> float:
    """Return the mean of the pauses that chance would choose from: a drill is the same each time."""
    return longest / 2


def settings_at(catalog: Catalog, profile: str, origins: Mapping[str, str]) -> DrillSettings:
    """Return settings in which every provider has its address at these origins, and a made-up key."""
    variables: dict[str, SecretStr] = {}
    for name, provider in catalog.providers.items():
        variables[base_url_variable(name)] = SecretStr(origins[name] + _path(provider))
        key = platform_key(provider)
        if key is not None:
            variables[str(provider.row.key_env)] = SecretStr(key)
    return DrillSettings(model_qos=profile, variables=variables)


def key_of(provider: Provider, payer: Payer) -> str | None:
    """Return the one key that may be seen at a provider on this payer's bill; None: none at all."""
    return user_key(provider.key_holder) if payer == "user" else platform_key(provider)


def platform_key(provider: Provider) -> str | None:
    """Return the made-up key of the platform for a provider; None: it takes none."""
    return f"drill-platforms-{provider.row.key_env}" if provider.row.key_env else None


def _path(provider: Provider) -> str:
    row = provider.row
    return urlsplit(row.base_url).path if row.base_url else PATHS.get(row.protocol, "")
