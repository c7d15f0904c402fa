"""Checks of the provider rows, and of what nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import nearest
from app.llm.catalog.effective import direct_equivalent, hops_of
from app.llm.catalog.headers import FRAMING, objection_to
from app.llm.catalog.model import USER_ENDPOINT
from app.llm.catalog.options import OPTION_NAMES

if TYPE_CHECKING:
    from app.llm.catalog.compilation import Compilation
    from app.llm.catalog.model import Catalog, Provider
    from app.llm.catalog.problems import Path


def check_providers(catalog: Catalog, run: Compilation) -> None:
    """Note what is wrong with provider rows, and which providers and abstract profiles nobody uses."""
    for provider in catalog.providers.values():
        path: Path = ("providers", provider.name)
        _check_endpoint(run, provider, path)
        _check_headers(run, provider, path)
        _check_probe(run, provider, path)
        _check_references(run, provider, path)
        _check_option_names(run, provider, path)
    _check_unused(catalog, run)


def _check_endpoint(run: Compilation, provider: Provider, path: Path) -> None:
    row = provider.row
    if row.protocol not in run.honours:
        run.problem(
            (*path, "protocol"),
            f"no adapter speaks protocol {row.protocol!r}{nearest(row.protocol, run.honours)}",
        )
    if provider.name == USER_ENDPOINT:
        run.problem(path, f"{USER_ENDPOINT!r} is what users' own endpoints go by: take another name")
    if [row.base_url is not None, row.launch is not None, row.own_endpoint].count(True) != 1:
        run.problem(path, f"provider {provider.name!r} needs exactly one of base_url, launch, own_endpoint")
    if row.base_url is not None and not row.base_url.startswith(("https://", "http://")):
        run.problem((*path, "base_url"), f"{row.base_url!r} is not an http(s) URL")


def _check_headers(run: Compilation, provider: Provider, path: Path) -> None:
    for name, value in provider.row.headers.items():
        spelt, here = name.lower().encode(), (*path, "headers", name)
        objection = objection_to(spelt)
        if spelt in FRAMING:
            run.problem(here, f"header {name!r} has no effect: the transport writes it itself")
        elif objection is not None:
            run.problem(here, f"header {name!r} would be refused by the transport: it {objection}")
        elif not (value.isascii() and value.isprintable()):
            run.problem(here, f"the value of header {name!r} has characters that no header has")


def _check_probe(run: Compilation, provider: Provider, path: Path) -> None:
    if provider.row.probe is not None and provider.keyless:
        run.idle((*path, "probe"), f"has no effect: provider {provider.name!r} takes no key")


def _check_references(run: Compilation, provider: Provider, path: Path) -> None:
    named = [((*path, "key_of"), provider.row.key_of)]
    named += [((*path, "vendors", i, "direct"), row.direct) for i, row in enumerate(provider.row.vendors)]
    for where, name in named:
        if name is not None:
            run.unknown("provider", name, where)


def _check_option_names(run: Compilation, provider: Provider, path: Path) -> None:
    named = [((*path, "cannot"), provider.row.cannot)]
    for index, row in enumerate(provider.row.models):
        here = (*path, "models", index)
        named.append(((*here, "cannot"), row.cannot))
        if clash := sorted(row.cannot & set(row.options.given())):
            run.problem(here, f"these models get {', '.join(clash)} and refuse it as well")
    known = run.honours.get(provider.row.protocol, dict.fromkeys(OPTION_NAMES)).keys()
    for where, names in named:
        for name in sorted(names - OPTION_NAMES):
            run.problem(where, f"unknown option {name!r}{nearest(name, OPTION_NAMES)}")
        for name in sorted((names & OPTION_NAMES) - known):
            run.problem(
                where, f"{name!r} has no effect: protocol {provider.row.protocol!r} can't carry it anyway"
            )


def _check_unused(catalog: Catalog, run: Compilation) -> None:
    used = _used_providers(catalog)
    for name, provider in catalog.providers.items():
        if name not in used and not provider.row.spare:
            run.idle(("providers", name), f"provider {name!r} is unused: route to it, or say spare = true")
    extended = {profile.row.extends for profile in catalog.profiles.values()}
    for name, profile in catalog.profiles.items():
        if profile.row.abstract and name not in extended:
            run.idle(("profiles", name), f"profile {name!r} is abstract and never extended: it is unused")


def _used_providers(catalog: Catalog) -> set[str]:
    tables = [*(profile.routes for profile in catalog.profiles.values()), catalog.pinned]
    routes = [route for table in tables for route in table.values()]
    routes += [catalog.default] if catalog.default else []
    hops = [hop for route in routes for hop in hops_of(route)]
    used = {hop.provider for hop in hops}
    used |= {found.provider for hop in hops if (found := direct_equivalent(catalog, hop))}
    return used | {catalog.providers[name].key_holder for name in used if name in catalog.providers}
