"""Settings: the only reader of the environment."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.errors import SettingsError

PREFIX = "POINTSMAN_"
PROVIDER_VARIABLES = ("_API_KEY", "_BASE_URL")
"""Endings of the variables that belong to providers, whose names are data."""


def _trimmed(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _pairs(value: object) -> object:
    """Read `a=b, c=d` as a mapping; a name that stands there twice is an error."""
    if not isinstance(value, str):
        return value
    read: dict[str, str] = {}
    for number, part in enumerate(filter(str.strip, value.split(",")), 1):
        name, equals, target = map(str.strip, part.partition("="))
        if not (name and equals and target):  # not quoted: a secret with a comma in it looks like this
            raise ValueError(f"its part {number} isn't written name=value")
        if name in read:
            raise ValueError(f"{name!r} stands there twice")
        read[name] = target
    return read


def _names(value: object) -> object:
    """Read `a, b` as a tuple."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


class Settings(BaseSettings):
    """What the environment says, read once when this object is made. Frozen, and never pickled.

    `variables` holds the providers' keys and base URLs by the name of their variable, as secrets.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )

    model_qos: Annotated[str, BeforeValidator(_trimmed)] = Field("premium", validation_alias="MODEL_QOS")
    """The active profile."""
    strict: bool = True
    """Whether an unknown active profile is an error (else: a warning, and `premium`)."""
    catalog: Path | None = None
    """A directory of TOML files with the operator's own catalog."""
    catalog_mode: Literal["overlay", "replace"] = "overlay"
    """Whether that catalog is laid over the shipped one, or stands instead of it."""
    reroute: Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)] = {}
    """`provider=other/model, ...`: sends all routes of a provider to one other model."""
    use_vertex_ai: bool = Field(default=False, validation_alias="USE_VERTEX_AI")
    google_cloud_project: str | None = Field(default=None, validation_alias="GOOGLE_CLOUD_PROJECT")
    gcp_location: str = Field("us-central1", validation_alias="GCP_LOCATION")
    user_client_limit: Annotated[int, Field(ge=1)] = 256
    """How many clients for users' keys are kept at most."""
    user_client_ttl_s: Annotated[float, Field(gt=0)] = 3600.0
    """How long such a client is kept, in seconds."""
    byok_bad_headers: Literal["refuse", "drop"] = "refuse"
    """Whether an `X-BYOK-*` header that can't be used refuses the request or is dropped."""
    byok_database_url: SecretStr | None = None
    """SQLAlchemy URL of the database of enrolled keys' fingerprints; unset: sent keys needn't be enrolled."""
    byok_peppers: Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_pairs)] = {}
    """`name=secret, older=secret`: the first makes new fingerprints, all of them recognise old ones."""
    user_endpoints: bool = False
    """Whether a request's headers may name an endpoint of the user's own."""
    user_endpoint_loopback: bool = False
    """Whether such an endpoint may be plain http on a loopback address (for development)."""
    user_endpoint_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    """Origins that users may name although they aren't public: `llm.corp.example, http://10.0.0.5:8000`."""
    user_endpoint_response_limit: Annotated[int, Field(ge=1024)] = 32 * 2**20
    """How long an answer of a user's endpoint may be, in bytes."""
    redis_url: SecretStr | None = None
    """URL of a Redis or Valkey over which workers share circuits and rate limits; unset: each has its own."""
    variables: Annotated[dict[str, SecretStr], NoDecode] = {}

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("settings hold secrets and can't be pickled: make Settings anew in that process")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then providers' variables, then our own variables; no files."""
        del dotenv_settings, file_secret_settings
        return init_settings, _ProviderVariables(settings_cls), env_settings

    def variable(self, name: str) -> str | None:
        """Return a provider's variable, trimmed; None if it is unset or blank."""
        found = self.variables.get(name)
        return (found.get_secret_value().strip() or None) if found else None

    @property
    def vertex(self) -> tuple[str, str] | None:
        """(project, location) if Gemini is to be asked through Vertex AI."""
        if not (self.use_vertex_ai and self.google_cloud_project):
            return None
        return self.google_cloud_project, self.gcp_location


class _ProviderVariables(PydanticBaseSettingsSource):
    """The environment's variables that belong to providers; misspelt variables of our own are refused."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401 - pydantic's own signature
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        ours = [PREFIX + name.upper() for name in self.settings_cls.model_fields]
        for name in os.environ:
            near = get_close_matches(name, ours, n=1, cutoff=0.85)
            if name.startswith(PREFIX) and near and name not in ours:
                raise SettingsError(f"unknown variable {name}; did you mean {near[0]}?")
        return {"variables": {n: v for n, v in os.environ.items() if n.endswith(PROVIDER_VARIABLES)}}


def _explain(error: ValidationError) -> str:
    """Name each setting that makes no sense, by the variable that sets it, without its value."""
    lines = []
    for detail in error.errors(include_input=False, include_url=False):
        field = ".".join(str(part) for part in detail["loc"])
        variable = field if field.isupper() else PREFIX + field.upper()
        lines.append(f"{variable}: {detail['msg']}")
    return "; ".join(lines)
