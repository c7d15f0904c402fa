"""A scripted feature is told what a call wishes by our own names, and refuses what the real hops would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from app.containers import Container
from app.errors import UnfitArgument
from app.llm import InMemoryProfileRepository
from app.settings import Settings
from app.testing.scripted.features import answering
from tests.llm.services import HONOURS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.routed_model import RoutedChatModel
    from app.testing.scripted.script import Call


class Folder(BaseModel):
    """Where it belongs."""

    folder: str


def search(query: str) -> str:
    """Search."""
    return query


def answer(call: Call) -> str | dict[str, str]:
    if call.tools:
        return {"query": "x"}
    return {"folder": "f1"} if "response_format" in str(call) or call.schema else "Hello"


class Told:
    """A scripted feature, and what it was told last. `guard` is at acme (OpenAI), `chat` at nova (Gemini)."""

    def __init__(self, container: Any, scripts: Any) -> None:  # noqa: ANN401 - Container() returns a dynamic one
        self._container, self._scripts = container, scripts

    def model(self, feature: str = "guard") -> RoutedChatModel:
        model: RoutedChatModel = self._container.llm_service().get_llm(feature)
        return model

    def last(self, feature: str = "guard") -> Call:
        call: Call = self._scripts[feature].calls[-1]
        return call


@pytest.fixture
def told() -> Iterator[Told]:
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    container: Any = Container(settings=Settings(variables={}), profile_repository=repository)
    with answering(container, guard=answer, chat=answer) as scripts:
        yield Told(container, scripts)


def test_options_go_by_our_own_names(told: Told) -> None:
    told.model().invoke("hello", temperature=0.2, max_output_tokens=50)
    given = told.last().arguments
    assert (given["temperature"], given["max_tokens"]) == (0.2, 50)


def test_R2_what_the_real_hop_would_refuse_is_refused(told: Told) -> None:
    for feature, arguments in (
        ("guard", {"thinking_budget": 0}),
        ("chat", {"seed": "x"}),
        ("guard", {"top_k": 3}),
    ):
        with pytest.raises(UnfitArgument):
            told.model(feature).invoke("hello", **arguments)
    with pytest.raises(UnfitArgument):
        told.model("chat").bind_tools([search], parallel_tool_calls=False).invoke("hello")
    with pytest.raises(UnfitArgument):
        told.model("chat").bind(response_format={"type": "regex"}).invoke("hello")
    with pytest.raises(UnfitArgument):
        told.model().bind_tools([{"google_search": {}}]).invoke("hello")


def test_the_form_of_an_answer_is_shown_as_its_schema(told: Told) -> None:
    assert told.model().bind(response_format=Folder).invoke("hello").text == '{"folder": "f1"}'
    schema = told.last().schema
    assert schema is not None
    assert list(schema["properties"]) == ["folder"]


@pytest.mark.parametrize(
    ("choice", "shown"), [("search", "search"), (["search", "find"], "any"), ("any", "any")]
)
def test_the_choice_of_a_tool_is_shown(told: Told, choice: Any, shown: str) -> None:  # noqa: ANN401 - any form
    def find(query: str) -> str:
        """Find."""
        return query

    said = told.model().bind_tools([search, find], tool_choice=choice).invoke("hello")
    assert told.last().tool_choice == shown
    assert said.tool_calls[0]["name"] == "search"


@pytest.mark.parametrize("method", [None, "function_calling", "json_schema", "json_mode"])
def test_a_schema_is_answered_by_every_method(method: str | None) -> None:
    options: dict[str, Any] = {} if method is None else {"method": method}
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    container: Any = Container(settings=Settings(variables={}), profile_repository=repository)
    with answering(container, guard={"folder": "f1"}):
        model: RoutedChatModel = container.llm_service().get_llm("guard")
        assert model.with_structured_output(Folder, **options).invoke("hello") == Folder(folder="f1")
