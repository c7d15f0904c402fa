"""What comes with the package: its catalog, and the table of failures that holds under every catalog."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Final

from app.llm.catalog.compilation import Compilation
from app.llm.catalog.failure_table import FailureTable
from app.llm.catalog.problems import SHIPPED
from app.llm.catalog.rows import FailureRow
from app.llm.catalog.source import Layer, read_file, read_layer

if TYPE_CHECKING:
    from app.llm.catalog.problems import Problem

HOME: Final = "app.llm.catalog"


def shipped_layer(problems: list[Problem]) -> Layer:
    """Read the catalog that comes with the package."""
    with as_file(files(HOME)) as directory:
        return read_layer(SHIPPED, directory, problems)


def shipped_table(problems: list[Problem]) -> FailureTable:
    """Return the shipped table of failures: it holds wherever a catalog says nothing else."""
    layer = Layer(SHIPPED)
    with as_file(files(HOME)) as directory:
        read_file(layer, directory / "failures.toml", problems)
    run = Compilation(layer, {}, problems)
    return FailureTable({}).overridden(None, run.rows(FailureRow, "failures"), run.places)
