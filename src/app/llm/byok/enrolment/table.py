"""The table of enrolled keys' fingerprints. Imported by nobody who doesn't keep them in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.dialects.mysql import VARCHAR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Delete, Insert, Select, Update

    from app.llm.byok.enrolment.fingerprints import Fingerprint

VERSION_TABLE: Final = "pointsman_schema_version"
"""Where Alembic notes how far it is; a product that migrates its own tables has one of its own."""


def exact(length: int) -> String:
    """Return the type of a text of at most `length` characters that is compared as it is, case included."""
    return String(length).with_variant(VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


METADATA: Final = MetaData()
ENROLLED_KEYS: Final = Table(
    "pointsman_enrolled_keys",
    METADATA,
    Column("user_id", exact(255), primary_key=True),
    Column("provider", exact(255), primary_key=True),
    Column("pepper", exact(64), nullable=False),
    Column("digest", exact(64), nullable=False),
)


def is_ours(name: str | None, kind: str, parents: Mapping[Any, str | None]) -> bool:
    """Whether Alembic is to look at something in the database: at our table, at nothing of the product's."""
    del parents
    return kind != "table" or name == ENROLLED_KEYS.name


def all_of(user_id: str) -> Select[tuple[str, str, str]]:
    """Return the query for provider, pepper and digest of all that a user enrolled."""
    row = ENROLLED_KEYS.c
    return select(row.provider, row.pepper, row.digest).where(row.user_id == user_id)


def added(user_id: str, provider: str, fingerprint: Fingerprint) -> Insert:
    """Return the statement that adds a row."""
    values = {"pepper": fingerprint.pepper, "digest": fingerprint.digest}
    return insert(ENROLLED_KEYS).values(user_id=user_id, provider=provider, **values)


def changed(user_id: str, provider: str, fingerprint: Fingerprint, old: Fingerprint | None = None) -> Update:
    """Return the statement that changes a row, if there is one, and if it still holds `old`."""
    row = ENROLLED_KEYS.c
    found = update(ENROLLED_KEYS).where(row.user_id == user_id, row.provider == provider)
    if old is not None:
        found = found.where(row.pepper == old.pepper, row.digest == old.digest)
    return found.values(pepper=fingerprint.pepper, digest=fingerprint.digest)


def removed(user_id: str, provider: str | None) -> Delete:
    """Return the statement that removes one row of a user, or all of them."""
    row = ENROLLED_KEYS.c
    found = delete(ENROLLED_KEYS).where(row.user_id == user_id)
    return found if provider is None else found.where(row.provider == provider)
