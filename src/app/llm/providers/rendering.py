"""Typed options into an SDK's arguments, by an adapter's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import ConfigurationError
from app.llm.catalog.model import REQUEST_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.clients.spec import ClientSpec


def render(spec: ClientSpec, arguments: Mapping[str, str]) -> dict[str, Any]:
    """Return the spec's options under the names that `arguments` gives them, with a timeout in any case.

    Raises ConfigurationError for an option that isn't in the table: it would be ignored otherwise.
    """
    rendered: dict[str, Any] = {arguments["timeout_s"]: REQUEST_TIMEOUT_S}
    for name, value in spec.options:
        if name not in arguments:
            raise ConfigurationError(
                f"option {name!r} of model {spec.model!r} at provider {spec.provider!r} "
                f"has no meaning in protocol {spec.protocol!r}"
            )
        rendered[arguments[name]] = list(value) if isinstance(value, tuple) else value
    return rendered


def check_kept(spec: ClientSpec, model: object, fields: Mapping[str, Any]) -> None:
    """Raise ConfigurationError if an SDK's model dropped or changed what it was given.

    `fields` are the model's attributes and the values that were asked for.
    """
    for field, asked in fields.items():
        kept = getattr(model, field)
        if kept != asked:
            raise ConfigurationError(
                f"model {spec.model!r} at provider {spec.provider!r} doesn't take {field} = {asked!r}: "
                f"its SDK would send {kept!r}"
            )


def refuse_cache_key(protocol: str, cache_key: str | None) -> None:
    """Raise ConfigurationError if a cache key was passed on to a protocol that has no place for one."""
    if cache_key is not None:
        raise ConfigurationError(f"protocol {protocol!r} can't carry a cache key: its rows can't support one")
