"""EnrolledKeys in a SQL database: SQLite, or any other that SQLAlchemy knows, by its URL."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar, cast

from app.errors import EnrolmentUnavailable, ResourceClosed, SettingsError
from app.llm.byok.enrolment.fingerprints import Fingerprint
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr
    from sqlalchemy import Connection, CursorResult, Engine, Executable

T = TypeVar("T")

VARIABLE = "POINTSMAN_BYOK_DATABASE_URL"


class SqlEnrolledKeys:
    """Fingerprints in a table of a database. Nothing is imported or opened before the first use.

    A forked child opens connections of its own.

    Errors tell their type and never their text: a database's own texts can hold parameters and passwords.

    Every method raises SettingsError if the packages for it aren't installed, or the URL makes no sense.
    """

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._parents: list[Engine] = []
        self._closed = False
        self.renew()
        renew_in_children(self)

    def __repr__(self) -> str:
        return "SqlEnrolledKeys()"

    def prepare(self) -> None:
        """Check what can be checked without a connection.

        :raises SettingsError: the URL makes no sense, or something that it needs isn't installed.
        """
        self._opened()

    def migrate(self) -> None:
        """Bring the table to this version's form; nothing happens if it has it.

        :raises EnrolmentUnavailable: the database can't be asked.
        """
        from app.llm.byok.enrolment.migrating import upgrade

        self._do(upgrade)

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        from app.llm.byok.enrolment.table import all_of

        def rows(connection: Connection) -> dict[str, Fingerprint]:
            found = connection.execute(all_of(user_id))
            return {row.provider: Fingerprint(row.pepper, row.digest) for row in found}

        return self._do(rows)

    def put(self, user_id: str, provider: str, fingerprint: Fingerprint) -> None:
        from app.llm.byok.enrolment.table import added, changed

        change, add = changed(user_id, provider, fingerprint), added(user_id, provider, fingerprint)
        if not self._do(lambda connection: _count(connection, change) or _added(connection, add)):
            self._do(lambda connection: _count(connection, change))  # the row that was added meanwhile

    def replace(self, user_id: str, provider: str, old: Fingerprint, new: Fingerprint) -> bool:
        from app.llm.byok.enrolment.table import changed

        return self._do(lambda connection: _count(connection, changed(user_id, provider, new, old)) > 0)

    def remove(self, user_id: str, provider: str | None = None) -> int:
        from app.llm.byok.enrolment.table import removed

        return self._do(lambda connection: _count(connection, removed(user_id, provider)))

    def close(self) -> None:
        with self._lock:
            engine, self._engine, self._closed = self._engine, None, True
        if engine is not None:
            engine.dispose()

    def renew(self) -> None:
        """In a forked child, leave the parent's connections to the parent, which goes on undisturbed."""
        self._lock = threading.Lock()
        if self._engine is not None:
            # Kept, and never used: taken down here, a connection would end the parent's session.
            self._parents.append(self._engine)
            self._engine = None

    def _do(self, work: Callable[[Connection], T]) -> T:
        """Do something in a transaction.

        :raises EnrolmentUnavailable: it fails.
        """
        from sqlalchemy.exc import SQLAlchemyError

        engine = self._opened()
        try:
            with engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            kind = type(getattr(error, "orig", None) or error).__name__
        # Raised here, so that the database's own error isn't its context.
        raise EnrolmentUnavailable(f"the store of enrolled keys can't be asked: {kind}{_hint(engine)}")

    def _opened(self) -> Engine:
        with self._lock:
            if self._closed:
                raise ResourceClosed("the enrolled keys are closed")
            if self._engine is None:
                self._engine = self._made()
            return self._engine

    def _made(self) -> Engine:
        _check_packages()
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError

        problem = "isn't a URL of a database that SQLAlchemy knows"
        try:
            return create_engine(self._url.get_secret_value(), hide_parameters=True, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            problem = f"needs a driver that isn't installed: {error.name}"
        except (ArgumentError, ValueError):
            pass
        raise SettingsError(f"{VARIABLE} {problem}")


def _check_packages() -> None:
    try:
        import alembic  # noqa: F401 - asked for here, so that it isn't missed later
        import sqlalchemy  # noqa: F401 - as alembic
    except ModuleNotFoundError as error:
        raise SettingsError(f"{VARIABLE} needs SQLAlchemy and Alembic: install pointsman[sql]") from error


def _count(connection: Connection, statement: Executable) -> int:
    return cast("CursorResult[object]", connection.execute(statement)).rowcount


def _added(connection: Connection, statement: Executable) -> bool:
    """Add a row; return False if another process was faster."""
    from sqlalchemy.exc import IntegrityError

    try:
        with connection.begin_nested():
            connection.execute(statement)
    except IntegrityError:
        return False
    return True


def _hint(engine: Engine) -> str:
    """Return what is to be done if the reason is that the table isn't there."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    from app.llm.byok.enrolment.table import ENROLLED_KEYS

    try:
        missing = not inspect(engine).has_table(ENROLLED_KEYS.name)
    except SQLAlchemyError:
        return ""
    return "; its table isn't there: run `pointsman byok migrate`" if missing else ""
