"""A pytest plugin. A product names it in its conftest: `pytest_plugins = ["app.testing.plugin"]`.

It brings the fixtures `leak_kit` and `drilled`, and a ban on real requests: for one test by the fixture or
the marker `forbid_real_requests`; for a session by the setting `pointsman_forbid_real_requests`, which is
"all" or "loopback" (requests to this machine may leave), and from which the marker `real_requests` excepts
a test.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container
from app.testing.forbidding import forbid_real_requests as forbid
from app.testing.leaks.kit import LeakKit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.testing.drills.report import DrillReport

KIT = pytest.StashKey[LeakKit]()
SETTING = "pointsman_forbid_real_requests"
MARKERS = (
    "forbid_real_requests(allow_loopback=False): no container that this test makes asks a provider",
    f"real_requests: this test may ask providers, whatever {SETTING} says",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our setting."""
    parser.addini(
        SETTING, "forbid containers real requests in every test: 'all', 'loopback' or 'no'", default="no"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Announce our markers. Raises UsageError for a setting that says nothing."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getini(SETTING) not in {"all", "loopback", "no"}:
        raise pytest.UsageError(
            f"{SETTING} is {config.getini(SETTING)!r}: it can be 'all', 'loopback' or 'no'"
        )


@pytest.fixture(autouse=True)
def _real_requests_as_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forbid real requests where a marker or the setting says so."""
    marker = request.node.get_closest_marker("forbid_real_requests")
    setting = str(request.config.getini(SETTING))
    excepted = request.node.get_closest_marker("real_requests") is not None
    with ExitStack() as bans:
        if marker is not None:
            bans.enter_context(forbid(Container, **marker.kwargs))
        elif setting != "no" and not excepted:
            bans.enter_context(forbid(Container, allow_loopback=setting == "loopback"))
        yield


@pytest.fixture
def forbid_real_requests() -> Iterator[None]:
    """Forbid real requests to the containers that are made after it, until the test ends."""
    with forbid(Container):
        yield


@pytest.fixture
def leak_kit(request: pytest.FixtureRequest) -> Iterator[LeakKit]:
    """A watch over log, warnings, output, wire and all the rest; the test fails if a canary leaks."""
    with LeakKit() as kit:
        request.node.stash[KIT] = kit
        yield kit


@pytest.fixture
def drilled() -> Callable[..., DrillReport]:
    """Play bad days to a container's plans, as `app.testing.drill` does; a broken policy fails the test."""
    from app.testing.drills.subjects import drill

    def play(given: Any, **wishes: Any) -> DrillReport:  # noqa: ANN401 - Container() returns a DynamicContainer
        report = drill(given, **wishes)
        if report.broken:
            pytest.fail(str(report), pytrace=False)
        return report

    return play


# Between the phases of a test, pytest puts its own streams and log levels in place. So the kit lets go of
# them at the end of a phase, and takes hold of them again when the next begins.


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Let go at the end of a test's setup."""
    try:
        yield
    finally:
        _let_go(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Watch the test itself."""
    _take_hold(item)
    try:
        yield
    finally:
        _let_go(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Watch what is taken down before the fixture is."""
    _take_hold(item)
    yield


def _take_hold(item: pytest.Item) -> None:
    if KIT in item.stash:
        item.stash[KIT].open()


def _let_go(item: pytest.Item) -> None:
    if KIT in item.stash:
        item.stash[KIT].close()
