"""Profiles with what they inherit: `extends`, `every`, and the features that each one has to cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.llm.catalog.model import Profile, Route
from app.llm.catalog.routes import route_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from app.llm.catalog.compilation import Compilation
    from app.llm.catalog.rows import ProfileRow


def resolve_profiles(
    run: Compilation, rows: Mapping[str, ProfileRow], features: Collection[str], pinned: Collection[str]
) -> dict[str, Profile]:
    """Return every profile with its own and its inherited routes."""
    routed = [name for name in features if name not in pinned]
    profiles: dict[str, Profile] = {}
    for name in rows:
        routes: dict[str, Route] = {}
        unavailable: dict[str, str] = {}
        for ancestor in _lineage(run, rows, name):
            own = _own_routes(ancestor, rows[ancestor], routed)
            closed = rows[ancestor].unavailable
            routes = {key: route for key, route in {**routes, **own}.items() if key not in closed}
            unavailable = {key: why for key, why in unavailable.items() if key not in own} | closed
        profiles[name] = Profile(name, rows[name], routes, unavailable)
    for profile in profiles.values():
        _check_names(run, profile, pinned)
        _check_cover(run, profile, routed)
        _check_extension(run, profile, profiles)
    return profiles


def _lineage(run: Compilation, rows: Mapping[str, ProfileRow], name: str) -> list[str]:
    """Return the profile's ancestors, the oldest first, and itself; a cycle or a stranger ends the line."""
    line = [name]
    while parent := rows[line[-1]].extends:
        path = ("profiles", line[-1], "extends")
        if parent in line:
            circle = sorted(line[line.index(parent) :])
            run.problem(
                ("profiles", circle[0], "extends"),
                f"a circle of extends: {', '.join(circle)}",
            )
            break
        if parent not in rows:
            run.unknown("profile", parent, path)
            break
        line.append(parent)
    return line[::-1]


def _own_routes(name: str, row: ProfileRow, routed: Collection[str]) -> dict[str, Route]:
    own = {}
    if row.every is not None:
        every = route_of(row.every, ("profiles", name, "every"))
        own = {feature: every for feature in routed if feature not in row.unavailable}
    written = {key: route_of(value, ("profiles", name, "routes", key)) for key, value in row.routes.items()}
    return own | written


def _check_names(run: Compilation, profile: Profile, pinned: Collection[str]) -> None:
    for table, names in (("routes", profile.row.routes), ("unavailable", profile.row.unavailable)):
        for name in names:
            path = ("profiles", profile.name, table, name)
            run.unknown("feature", name, path)
            if name in pinned:
                place = run.places.of("pinned", name)
                run.idle(path, f"this row of {name!r} has no effect: the feature is pinned at {place}")
            if table == "routes" and name in profile.row.unavailable:
                run.problem(path, f"{name!r} has a route here and is declared unavailable as well")


def _check_cover(run: Compilation, profile: Profile, routed: Collection[str]) -> None:
    left_out = [
        feature
        for feature in routed
        if feature not in profile.routes
        and feature not in profile.unavailable
        and ("profiles", profile.name, "routes", feature) not in run.bad
    ]
    if left_out and not profile.row.abstract and "default" not in run.layer.tables:
        run.problem(
            ("profiles", profile.name),
            f"profile {profile.name!r} leaves out {', '.join(map(repr, left_out))}: "
            "route each, or declare it unavailable with the reason",
        )


def _check_extension(run: Compilation, profile: Profile, profiles: Mapping[str, Profile]) -> None:
    """Rows that repeat what they would inherit, and an `every` that leaves nothing to inherit."""
    parent = profiles.get(profile.row.extends or "")
    path = ("profiles", profile.name)
    if parent is None:
        return
    if profile.row.every is not None:
        run.idle((*path, "extends"), f"has no effect: `every` of {profile.name!r} replaces all of it")
    for feature in profile.row.routes:
        if profile.routes.get(feature) == parent.routes.get(feature):
            run.idle(
                (*path, "routes", feature),
                f"this route of {feature!r} has no effect: it repeats the one inherited from {parent.name!r}",
            )
