"""Drills as a test plays them: of a container, or of a catalog alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.llm.byok.resolver import BYOKResolver
from app.llm.catalog.model import Catalog
from app.testing.drills.drilling import Drill
from app.testing.drills.reading import BUILT_IN, read_scenario
from app.testing.drills.scenario import Scenario
from app.testing.drills.stage import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.testing.drills.report import DrillReport

DEFAULT_PROFILE = "premium"


class OneCatalog:
    """A repository of a catalog that was compiled already."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def catalog(self) -> Catalog:
        """Return the catalog."""
        return self._catalog


def drill(
    given: Any,  # noqa: ANN401 - Container() returns a DynamicContainer
    *,
    features: Iterable[str] | None = None,
    scenario: Scenario | Path | str | None = None,
    profile: str | None = None,
) -> DrillReport:
    """Play bad days to the plans of a container, or of a Catalog, and return what they have shown.

        report = drill(container, features=["conv_folder"])
        assert not report.broken, report

    The calls are real (executor, SDKs, sockets), the providers are a fault server on this machine, and the
    keys are made up: of a container only its catalog, its resolver and its active profile are taken.
    `features` are all by default, `profile` is the container's active one (of a catalog: premium), and
    `scenario` is a Scenario, the path of a TOML file, or the matrix that comes with the package.

    :raises InputError: the scenario makes no sense.
    :raises UnknownFeature: nobody declared a feature that is to be played.
    """
    if not isinstance(scenario, Scenario):
        scenario = read_scenario(Path(scenario) if scenario is not None else BUILT_IN)
    run = Drill(subject_of(given, profile), scenario, features)
    for _ in run.run():
        pass
    return run.report


def subject_of(given: Any, profile: str | None = None) -> Subject:  # noqa: ANN401 - as above
    """Return what is drilled of a container or a catalog."""
    if isinstance(given, Catalog):
        return Subject(OneCatalog(given), BYOKResolver(), profile or DEFAULT_PROFILE)
    chosen = profile or given.llm_service().profile
    return Subject(given.profile_repository(), given.byok_resolver(), chosen)
