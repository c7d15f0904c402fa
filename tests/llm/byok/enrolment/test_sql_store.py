"""The store in a real SQLite file: migration, several processes, and a file that can't be used."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import weakref
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine, event, inspect

from app.errors import EnrolmentUnavailable, ResourceClosed, SettingsError
from app.llm.byok.enrolment.fingerprints import Fingerprint
from app.llm.byok.enrolment.migrating import configuration
from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys
from app.llm.byok.enrolment.table import ENROLLED_KEYS, VERSION_TABLE, added
from tests.llm.byok.enrolment import enrol_once
from tests.llm.byok.enrolment.enrol_once import TIMES
from tests.llm.byok.enrolment.peppers import policy
from tests.llm.byok.enrolment.stores import url_of
from tests.llm.clients.forking import ended_well, fork

ONE, OTHER = (Fingerprint("p", digit * 64) for digit in "12")
SCRIPT = Path(enrol_once.__file__)


def test_migrating_an_empty_database_makes_the_table_and_again_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(SqlEnrolledKeys(url_of(path))) as store:
        store.migrate()
        store.put("ada", "acme", ONE)
        before = path.read_bytes()
        store.migrate()
        assert path.read_bytes() == before
        assert dict(store.of("ada")) == {"acme": ONE}


def test_the_migrations_make_the_very_table_that_the_code_has(database: Path) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        command.check(configuration(connection))
        names = set(inspect(connection).get_table_names())
    engine.dispose()
    assert names == {ENROLLED_KEYS.name, VERSION_TABLE}


def test_the_migrations_go_back_to_nothing(database: Path) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
    assert ENROLLED_KEYS.name not in inspect(engine).get_table_names()
    engine.dispose()


def test_the_products_own_tables_and_versions_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "product.db"
    with closing(sqlite3.connect(path)) as product:
        product.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        product.execute("INSERT INTO alembic_version VALUES ('product-7')")
        product.execute("CREATE TABLE orders (id INTEGER)")
        product.commit()
        with closing(SqlEnrolledKeys(url_of(path))) as store:
            store.migrate()
            store.put("ada", "acme", ONE)
        assert product.execute("SELECT version_num FROM alembic_version").fetchall() == [("product-7",)]
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.check(configuration(connection))
    engine.dispose()


def test_two_processes_migrate_and_enrol_at_the_same_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    run = [sys.executable, str(SCRIPT), url]
    both = [subprocess.Popen([*run, name], stdout=-1, stderr=-1, text=True) for name in ("one", "two")]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    with closing(SqlEnrolledKeys(SecretStr(url))) as store:
        found = store.of("ada")
    assert len(found) == TIMES + 1
    assert {one.digest for one in found.values()} <= {"one", "two"}


def test_another_writers_row_is_changed_and_not_lost(sql_store: SqlEnrolledKeys, database: Path) -> None:
    sql_store.put("ada", "acme", ONE)
    with closing(SqlEnrolledKeys(url_of(database))) as other:
        other.put("ada", "acme", OTHER)
    assert sql_store.of("ada")["acme"] == OTHER


def test_a_row_that_another_process_adds_in_the_very_moment_is_changed(sql_store: SqlEnrolledKeys) -> None:
    engine = sql_store._opened()  # noqa: SLF001 - to come in between two of its statements

    @event.listens_for(engine, "savepoint", once=True)
    def _(connection: Connection, _name: str) -> None:
        connection.execute(added("ada", "acme", OTHER))

    sql_store.put("ada", "acme", ONE)
    assert dict(sql_store.of("ada")) == {"acme": ONE}


class OwnConnection(sqlite3.Connection):
    """A connection that a test can watch."""


def watched(store: SqlEnrolledKeys, database: Path) -> list[weakref.ref[OwnConnection]]:
    """Return the connections that a store opens from now on; nothing here keeps them alive."""
    opened: list[weakref.ref[OwnConnection]] = []

    @event.listens_for(store._opened(), "do_connect")  # noqa: SLF001 - a store shows nobody its connections
    def _(*_: object) -> OwnConnection:
        connection = sqlite3.connect(database, factory=OwnConnection, check_same_thread=False)
        opened.append(weakref.ref(connection))
        return connection

    return opened


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("child_closes", [True, False])
def test_a_forked_child_opens_its_own_connection_and_its_parents_stays_open(
    sql_store: SqlEnrolledKeys,
    database: Path,
    child_closes: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    opened = watched(sql_store, database)
    sql_store.put("ada", "acme", ONE)

    def child() -> None:
        assert dict(sql_store.of("ada")) == {"acme": ONE}
        sql_store.put("ada", "nova", OTHER)
        if child_closes:
            sql_store.close()
        gc.collect()
        assert len(opened) == 1, "the child used a connection of its parent's engine"
        assert opened[0]() is not None, "what the driver takes down here, it ends for the parent too"

    assert ended_well(fork(child))
    assert dict(sql_store.of("ada")) == {"acme": ONE, "nova": OTHER}
    assert len(opened) == 1


def broken(path: Path) -> SqlEnrolledKeys:
    return SqlEnrolledKeys(SecretStr(f"sqlite:///{path}?timeout=0"))


def assert_unavailable(store: SqlEnrolledKeys, said: str, *, reading: bool = False) -> None:
    work = partial(store.of, "canary-user") if reading else partial(store.put, "canary-user", "acme", ONE)
    with closing(store), pytest.raises(EnrolmentUnavailable, match=said) as failed:
        work()
    shown = f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__context__!r}"
    assert "canary" not in shown
    assert ONE.digest not in shown


def test_a_database_without_the_table_says_what_to_run(tmp_path: Path) -> None:
    assert_unavailable(broken(tmp_path / "empty.db"), "byok migrate", reading=True)


def test_a_locked_file_is_a_clear_error(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert_unavailable(broken(database), "OperationalError")


def test_a_read_only_database_can_be_read_and_not_written(database: Path) -> None:
    url = SecretStr(f"sqlite:///file:{database}?mode=ro&uri=true")
    with closing(SqlEnrolledKeys(url)) as store:
        assert dict(store.of("ada")) == {}
    assert_unavailable(SqlEnrolledKeys(url), "OperationalError")


def test_a_full_database_is_a_clear_error(sql_store: SqlEnrolledKeys, database: Path) -> None:
    with closing(sqlite3.connect(database)) as other:
        pages = other.execute("PRAGMA page_count").fetchone()[0]
    engine = sql_store._opened()  # noqa: SLF001 - a limit that only the connection itself can have
    with engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    long = Fingerprint("p", "1" * 20_000)
    with pytest.raises(EnrolmentUnavailable, match="OperationalError"):
        sql_store.put("ada", "acme", long)


@pytest.mark.parametrize("content", [b"this is no database, " * 500, b"SQLite format 3\x00" + b"\xff" * 9000])
def test_a_corrupt_file_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "corrupt.db"
    path.write_bytes(content)
    assert_unavailable(broken(path), "DatabaseError|OperationalError", reading=True)


def test_a_directory_that_isnt_there_is_a_clear_error(tmp_path: Path) -> None:
    assert_unavailable(broken(tmp_path / "nowhere" / "keys.db"), "OperationalError", reading=True)


@pytest.mark.parametrize("url", ["canary", "canary://user:canary@host/db", "sqlite:///x?timeout=canary", ""])
def test_a_url_that_makes_no_sense_is_an_error_that_doesnt_show_it(url: str) -> None:
    with closing(SqlEnrolledKeys(SecretStr(url))) as store, pytest.raises(SettingsError) as refused:
        store.prepare()
    assert "POINTSMAN_BYOK_DATABASE_URL" in str(refused.value)
    assert "canary" not in f"{refused.value!r} {refused.value.__cause__!r}"


def test_a_driver_that_isnt_installed_is_named() -> None:
    url = SecretStr("oracle+cx_oracle://ada:canary@db/keys")
    with closing(SqlEnrolledKeys(url)) as store, pytest.raises(SettingsError, match="cx_Oracle") as refused:
        store.prepare()
    assert "canary" not in str(refused.value)


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    missing = "raise ModuleNotFoundError(\"No module named 'sqlalchemy'\", name='sqlalchemy')\n"
    (tmp_path / "sqlalchemy.py").write_text(missing, encoding="utf-8")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from app.containers import Container\n"
        "from app.errors import SettingsError\n"
        "from app.settings import Settings\n"
        "parts = Container(settings=Settings(byok_database_url='sqlite://', byok_peppers={'a': 'x' * 32}))\n"
        "try:\n    parts.byok_entry()\nexcept SettingsError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "pointsman[sql]" in done.stdout


def test_a_closed_store_refuses_and_one_that_was_never_used_closes_quietly(database: Path) -> None:
    store = SqlEnrolledKeys(url_of(database))
    store.close()
    with pytest.raises(ResourceClosed):
        store.of("ada")
    assert "sqlite" not in repr(store)


def test_no_raw_key_is_in_the_file_nor_in_what_is_kept_in_memory(
    sql_store: SqlEnrolledKeys, database: Path
) -> None:
    mine = policy(sql_store)
    mine.enrol("ada", "acme", "sk-canary-raw-key")
    mine.enrol("ada", "nova", "sk-canary-other-key")
    mine.withdraw("ada", "nova")
    states = mine._states  # noqa: SLF001 - to look at what is kept
    assert states.of("ada")
    files = b"".join(path.read_bytes() for path in database.parent.glob("*"))
    assert b"acme" in files
    assert b"canary" not in files
    assert "canary" not in f"{mine!r} {states!r} {vars(mine)!r} {vars(states)!r} {vars(sql_store)!r}"
