"""What the tests of users' keys share."""

from __future__ import annotations

from tests.llm.byok.enrolment.stores import database, sql_store, store

__all__ = ["database", "sql_store", "store"]
