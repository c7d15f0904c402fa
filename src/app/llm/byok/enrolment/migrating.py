"""Bringing a database to the form that this version wants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration(connection: Connection) -> Config:
    """Return what Alembic's commands ask for, over this connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection) -> None:
    """Bring the table of enrolled keys to its latest form."""
    if connection.dialect.name == "sqlite":
        # Two processes that migrate at once: the second one waits here, and finds nothing to do.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    command.upgrade(configuration(connection), "head")
