"""From written route rows to routes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.llm.catalog.model import Route

if TYPE_CHECKING:
    from app.llm.catalog.problems import Path
    from app.llm.catalog.rows import FallbackRow, RouteRow


def route_of(row: RouteRow, path: Path) -> Route:
    """Return the route that a row describes; `path` is where it is written."""
    fallbacks = tuple(_hop(hop, (*path, "fallbacks", i)) for i, hop in enumerate(row.fallbacks))
    return replace(_hop(row, path), ask=row.ask, fallbacks=fallbacks)


def _hop(row: FallbackRow, path: Path) -> Route:
    return Route(row.provider, row.model, row.options, path=path)
