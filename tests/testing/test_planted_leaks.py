"""The leak kit isn't blind: a leak that is planted in each of its sinks is seen, with its place."""

from __future__ import annotations

import base64
import logging
import re
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from app.testing.leaks.canaries import Canary
from app.testing.leaks.exhibits import Exhibit, Leaked
from app.testing.leaks.kit import LeakKit
from app.testing.leaks.logs import LogSink
from tests.testing.chatter import Chatter
from tests.testing.plants import PLANTED, Request, Server, in_a_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from app.testing.leaks.exhibits import Sighting


@dataclass
class Notebook:
    """A sink of a product's own."""

    name: str = "the notebook"
    lines: list[str] = field(default_factory=list)

    def open(self) -> None:
        self.lines.append("opened")

    def close(self) -> None:
        self.lines.append("closed")

    def exhibits(self) -> Iterable[Exhibit]:
        return [Exhibit(f"line {number}", line) for number, line in enumerate(self.lines)]


@pytest.fixture
def _aside() -> Iterator[None]:
    """A logger that speaks to nobody but its own handlers, and only of errors."""
    aside = logging.getLogger("tests.planted.aside")
    aside.propagate, aside.level = False, logging.ERROR
    yield
    assert aside.level == logging.ERROR
    assert not any(isinstance(handler, LogSink) for handler in aside.handlers)
    aside.propagate = True


def seen(plant: Callable[[LeakKit, str], object], kit: LeakKit, canary: Canary) -> list[Sighting]:
    with kit:
        plant(kit, canary.text)
        with pytest.raises(Leaked):
            kit.check()
        sightings = kit.sightings()
        kit.sinks.clear()
    return sightings


@pytest.mark.usefixtures("_aside")
@pytest.mark.filterwarnings("ignore:sk-:UserWarning")
@pytest.mark.parametrize("where", PLANTED)
def test_a_planted_key_is_seen_with_its_place(where: str) -> None:
    plant, place = PLANTED[where]
    kit = LeakKit()
    key = kit.key("ada's key", at={"http://127.0.0.1:9": "authorization"})
    found = [str(one) for one in seen(plant, kit, key)]
    assert any(re.search(place, one) for one in found), found
    assert all(one.startswith("ada's key (") for one in found)
    assert key.text not in "".join(found)


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text[10:26],
        lambda text: text.upper(),
        lambda text: text.encode().hex(),
        lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(f"a user:{text}!".encode()).decode(),
        lambda text: repr(text.encode()),
    ],
)
def test_a_key_is_recognised_in_part_and_encoded(form: Callable[[str], str]) -> None:
    kit = LeakKit()
    key = kit.key("ada's key")
    kit.look_at(form(key.text), "a text")
    assert {one.canary for one in kit.sightings()} == {key}


def test_a_key_of_ones_own_making_is_recognised_as_a_whole() -> None:
    kit = LeakKit()
    kit.look_for(Canary("key", "an odd key", 'p"w/ d'))
    kit.look_at({"url": "https://a.example/?k=p%22w%2F%20d"}, "an address")
    kit.look_at('{"k": "p\\"w/ d"}', "a JSON text")
    assert {one.form for one in kit.sightings()} >= {"URL-encoded", "JSON-escaped"}


@pytest.mark.parametrize(
    "where", ["a log message", "a warning", "stdout", "the repr of a thing", "an error's text"]
)
@pytest.mark.filterwarnings("ignore:Where does:UserWarning")
def test_a_planted_prompt_is_seen_where_prompts_may_not_be(where: str) -> None:
    kit = LeakKit()
    assert seen(PLANTED[where][0], kit, kit.prompt())


@pytest.mark.parametrize("where", ["a frame's variable", "a callback", "a span", "a key in a body"])
def test_a_prompt_may_be_in_bodies_callbacks_and_the_variables_of_frames(where: str) -> None:
    with LeakKit() as kit:
        PLANTED[where][0](kit, kit.prompt().text)


def test_a_key_may_be_in_its_header_at_its_host() -> None:
    with LeakKit() as kit:
        key = kit.key("ada's key", at={"http://127.0.0.1:1": "authorization"})
        kit.watch(Server([Request(headers=[("authorization", f"Bearer {key.text}")])]))


def test_frames_of_a_caller_that_holds_keys_itself_can_be_left_out() -> None:
    with LeakKit(frames=lambda place: "plants.py" not in place) as kit:
        in_a_frame(kit, kit.key("ada's key").text)


def test_a_sink_of_a_products_own_is_watched_too() -> None:
    notebook = Notebook()
    kit = LeakKit([notebook])
    key = kit.key("ada's key")
    with pytest.raises(Leaked, match=r"ada's key .* in the notebook: line 1"), kit:
        notebook.lines.append(key.text)
    assert notebook.lines[-1] == "closed"


def test_a_failure_of_the_block_itself_is_not_hidden_by_what_leaked() -> None:
    with pytest.raises(ValueError, match="invalid literal"), LeakKit() as kit:
        int(kit.key("ada's key").text)


def test_a_call_that_was_to_fail_and_didnt_is_said() -> None:
    with pytest.raises(AssertionError, match="nothing failed"), LeakKit().failing("the call"):
        pass


def test_warnings_go_on_where_they_would_have_gone() -> None:
    with pytest.warns(DeprecationWarning, match="old"), LeakKit():
        warnings.warn("old", DeprecationWarning, stacklevel=1)


class Unprintable:
    """A thing whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def test_a_variable_whose_repr_fails_hides_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    kit = LeakKit()
    key = kit.key("ada's key")

    def send(unprintable: object, headers: dict[str, str]) -> None:
        raise RuntimeError("it failed")

    with kit.failing("the call"):
        send(Unprintable(), {"authorization": key.text})
    assert any("variable headers" in one.place for one in kit.sightings())


def test_what_shows_nothing_of_itself_says_how_much_it_watches() -> None:
    assert repr(LeakKit()) == "LeakKit(canaries=0, sinks=9)"


def test_every_logger_is_left_as_it_was() -> None:
    root, quiet = logging.getLogger(), logging.getLogger("tests.planted.quiet")
    quiet.setLevel(logging.ERROR)
    quiet.disabled = True
    logging.disable(logging.WARNING)
    before = (root.level, list(root.handlers))
    with LeakKit() as kit:
        assert (root.level, quiet.level) == (logging.DEBUG, logging.DEBUG)
        assert not kit.sightings()
    after = (root.level, list(root.handlers))
    assert (after, quiet.level, quiet.disabled) == (before, logging.ERROR, True)
    assert logging.root.manager.disable == logging.WARNING
    logging.disable(logging.NOTSET)


def test_a_watch_that_begins_twice_ends_once() -> None:
    root = logging.getLogger()
    before = (sys.stdout, root.level, list(root.handlers))
    kit = LeakKit()
    kit.open()
    kit.open()
    kit.close()
    assert (sys.stdout, root.level, list(root.handlers)) == before


def test_nothing_of_a_canary_shows_it() -> None:
    kit = LeakKit()
    key = kit.key("ada's key")
    kit.look_at(key, "the canary")
    kit.look_at(kit, "the kit")
    assert kit.sightings() == []


def test_a_tracer_is_told_of_answers() -> None:
    kit = LeakKit()
    key = kit.key("ada's key")
    answer = ChatResult(generations=[ChatGeneration(message=AIMessage(key.text))])
    Chatter(answer=answer).invoke("hello", config={"callbacks": kit.callbacks})
    assert any("on_llm_end" in one.place for one in kit.sightings())


def test_a_line_that_cant_be_rendered_breaks_no_call(capsys: pytest.CaptureFixture[str]) -> None:
    sink = LogSink()
    sink.handle(logging.makeLogRecord({"msg": "%d apples", "args": ("no number",)}))
    assert sink.exhibits() == []
    assert "no number" in capsys.readouterr().err
