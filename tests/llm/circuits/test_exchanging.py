"""The exchange with the server: what is checked before the first, and what the server makes of reports."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from app.errors import SettingsError
from app.llm.circuits.breaker import Rule
from app.llm.circuits.exchanging import Report
from tests.llm.circuits.workers import KEY, ROW, eventually, exchange_at
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.llm.circuits.exchanging import Heard, RedisExchange
    from tests.servers.valkey import RunningValkey

__all__ = ["valkey"]

RULE = Rule.of(ROW)


@pytest.fixture
def ada(valkey: RunningValkey) -> Iterator[RedisExchange]:
    exchange = exchange_at(valkey.url)
    yield exchange
    exchange.close()


@pytest.fixture
def eve(valkey: RunningValkey) -> Iterator[RedisExchange]:
    exchange = exchange_at(valkey.url)
    yield exchange
    exchange.close()


def tell(exchange: RedisExchange, report: Report) -> Heard:
    (heard,) = exchange.exchange([report])
    return heard


def test_an_unused_server_knows_of_nothing(ada: RedisExchange) -> None:
    assert ada.exchange([]) == []
    assert ada.exchange([Report(KEY, cleared=0.0, closed=True)]) == []
    assert repr(ada) == "RedisExchange()"


def test_an_opening_from_before_the_latest_success_is_no_news(ada: RedisExchange, eve: RedisExchange) -> None:
    assert tell(ada, Report(KEY, RULE, opened=(40.0, 20.0))).opened is not None
    assert tell(ada, Report(KEY, cleared=10.0, closed=True)).opened is None
    assert tell(eve, Report(KEY, RULE, opened=(30.0, 90.0))).opened is None
    assert tell(eve, Report(KEY, RULE, opened=(5.0, 55.0))).opened is not None


def test_a_success_of_a_worker_that_knew_of_no_opening_ends_none(
    ada: RedisExchange, eve: RedisExchange
) -> None:
    tell(ada, Report(KEY, RULE, opened=(1.0, 59.0)))
    assert tell(eve, Report(KEY, cleared=0.0)).opened is not None
    assert tell(eve, Report(KEY, cleared=0.0, closed=True)).opened is None


def test_failures_of_before_a_success_are_dropped_whoever_tells_of_them(
    ada: RedisExchange, eve: RedisExchange
) -> None:
    tell(ada, Report(KEY, RULE, failures=(9.0, 8.0)))
    assert tell(eve, Report(KEY, RULE)).others == 2
    tell(eve, Report(KEY, cleared=5.0))
    tell(ada, Report(KEY, RULE, failures=(9.0, 8.0, 2.0)))
    assert tell(eve, Report(KEY, RULE)).others == 1


def test_failures_outside_the_window_dont_count(ada: RedisExchange, eve: RedisExchange) -> None:
    tell(ada, Report(KEY, RULE, failures=(61.0, 62.0, 1.0)))
    heard = tell(eve, Report(KEY, RULE, failures=(1.0,)))
    assert (heard.others, heard.opened) == (1, None)


def test_the_server_opens_a_circuit_for_as_long_as_the_provider_asked(
    ada: RedisExchange, eve: RedisExchange
) -> None:
    tell(ada, Report(KEY, RULE, failures=(1.0, 1.0), asked=200.0))
    heard = tell(eve, Report(KEY, RULE, failures=(1.0,)))
    assert heard.opened is not None
    assert heard.opened[1] == pytest.approx(200.0, abs=2.0)


def test_one_worker_is_permitted_to_probe_and_its_probe_is_waited_for(
    ada: RedisExchange, eve: RedisExchange
) -> None:
    half_open = Report(KEY, RULE, opened=(60.0, -1.0))
    assert tell(ada, half_open).lease == 0.0
    wanted = tell(ada, half_open._replace(wants_to_probe=True))
    assert wanted.mine
    assert not tell(eve, half_open._replace(wants_to_probe=True)).mine
    tell(ada, half_open._replace(probing=50.0))
    hers = tell(eve, half_open._replace(probing=60.0))
    assert not hers.mine
    assert hers.lease == pytest.approx(50.0, abs=2.0)
    assert tell(ada, half_open).lease == 0.0, "it ended without a verdict"
    assert tell(eve, half_open._replace(wants_to_probe=True)).mine


def test_a_permission_that_isnt_used_ends(ada: RedisExchange, eve: RedisExchange) -> None:
    wanted = Report(KEY, RULE, opened=(60.0, -1.0), wants_to_probe=True)
    assert tell(ada, wanted).mine
    eventually(lambda: tell(eve, wanted).mine)


def test_no_worker_is_permitted_to_probe_while_the_circuit_is_open(ada: RedisExchange) -> None:
    assert not tell(ada, Report(KEY, RULE, opened=(1.0, 59.0), wants_to_probe=True)).mine


@pytest.mark.parametrize(
    "url",
    [
        "http://:canary@localhost",
        "localhost",
        "redis://:canary@localhost:no/0",
        "redis://:canary@h/0?colour=red",
    ],
)
def test_a_url_that_makes_no_sense_is_named_by_its_variable_without_its_password(url: str) -> None:
    with pytest.raises(
        SettingsError, match=r"POINTSMAN_REDIS_URL isn't a URL of a Redis or Valkey"
    ) as refused:
        exchange_at(url)
    assert "canary" not in f"{refused.value!r} {refused.value.__cause__!r} {refused.value.__context__!r}"


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    missing = "raise ModuleNotFoundError(\"No module named 'redis'\", name='redis')\n"
    (tmp_path / "redis.py").write_text(missing, encoding="utf-8")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pydantic import SecretStr\n"
        "from app.errors import SettingsError\n"
        "from app.llm.circuits.exchanging import RedisExchange\n"
        "try:\n    RedisExchange(SecretStr('redis://h'))\nexcept SettingsError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "POINTSMAN_REDIS_URL needs the package redis: install pointsman[redis]\n"
