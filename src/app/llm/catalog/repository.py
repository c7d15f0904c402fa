"""ProfileRepository: where the catalog comes from."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from app.llm.catalog.compile import compile_catalog
from app.llm.catalog.reroute import rerouted
from app.llm.catalog.shipped import shipped_layer
from app.llm.catalog.source import Layer, lay_over, read_layer
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    from app.llm.catalog.compilation import LastResorts
    from app.llm.catalog.model import Catalog
    from app.llm.catalog.options import Honoured
    from app.llm.catalog.problems import Problem


class ProfileRepository(Protocol):
    """The port: something that holds one checked catalog."""

    def catalog(self) -> Catalog:
        """Return the catalog, the same object every time.

        :raises CatalogError: with all of its problems, if it doesn't compile.
        """
        ...


class TomlProfileRepository:
    """The catalog of TOML files: the shipped directory, with the operator's own over it or instead of it.

    `honours` says which options each wire protocol renders, `last_resorts` what each feature can do without
    a model (None: nobody knows, so those names aren't judged); `reroutes` sends all routes of a provider to
    one `provider/model` instead. Nothing is read before the first call of `catalog`.
    """

    def __init__(
        self,
        honours: Mapping[str, Honoured],
        *,
        directory: Path | None = None,
        mode: Literal["overlay", "replace"] = "overlay",
        reroutes: Mapping[str, str] | None = None,
        last_resorts: LastResorts | None = None,
    ) -> None:
        self._honours, self._last_resorts = honours, last_resorts
        self._directory, self._mode, self._reroutes = directory, mode, dict(reroutes or {})
        self._catalog: Catalog | None = None
        self.renew()
        renew_in_children(self)

    def catalog(self) -> Catalog:
        """Return the catalog, compiled once."""
        if self._catalog is None:
            with self._lock:
                if self._catalog is None:
                    self._catalog = self._load()
        return self._catalog

    def renew(self) -> None:
        """Free the lock, which in a forked child a thread of the parent may hold for ever."""
        self._lock = threading.Lock()

    def _load(self) -> Catalog:
        problems: list[Problem] = []
        layer = rerouted(self._written(problems), self._reroutes, problems)
        return compile_catalog(layer, self._honours, problems, last_resorts=self._last_resorts)

    def _written(self, problems: list[Problem]) -> Layer:
        if self._directory is None:
            return shipped_layer(problems)
        own = read_layer(str(self._directory), self._directory, problems)
        if self._mode == "replace":
            return own
        return lay_over(shipped_layer(problems), own, problems)


class InMemoryProfileRepository:
    """A catalog from plain tables, shaped like the TOML files: for tests, and for tables kept elsewhere."""

    def __init__(
        self,
        tables: Mapping[str, object],
        honours: Mapping[str, Honoured],
        *,
        last_resorts: LastResorts | None = None,
    ) -> None:
        layer = Layer("in memory", dict(tables))
        self._compiled = compile_catalog(layer, honours, last_resorts=last_resorts)

    def catalog(self) -> Catalog:
        """Return the catalog that was compiled when this repository was made."""
        return self._compiled
