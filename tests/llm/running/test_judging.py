"""Whether what came is what was asked for, and what a model is told where it isn't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser, StrOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel, field_validator

from app.llm.failures import RefusedAnswer
from app.llm.running.judging import LONGEST_QUOTED, UNREADABLE_CALL, check_finish, problem_with, repair_of

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

SECRET = "only the model and its user may read this"


class Place(BaseModel):
    """Where something is."""

    town: str
    houses: int

    @field_validator("town")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value == "Nowhere":
            raise ValueError("there is no such town")
        return value


def calling(**arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "Place", "args": arguments, "id": "1", "type": "tool_call"}])


BY_TEXT = PydanticOutputParser(pydantic_object=Place)
BY_CALL = PydanticToolsParser(tools=[Place], first_tool_only=True)
GOOD = '{"town": "Ulm", "houses": 3}'


@pytest.mark.parametrize("word", [None, "stop", "length", "tool_calls", "END_TURN", "something new"])
def test_most_finish_reasons_end_an_answer(word: str | None) -> None:
    check_finish(word)


@pytest.mark.parametrize(
    ("word", "failure_class"),
    [
        ("content_filter", "content_filter"),
        ("content_filter: RECITATION", "content_filter"),
        ("SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "malformed_response"),
        ("error", "overloaded"),
    ],
)
def test_some_say_that_there_is_none(word: str, failure_class: str) -> None:
    with pytest.raises(RefusedAnswer) as caught:
        check_finish(word)
    assert (caught.value.failure_class, caught.value.code) == (failure_class, word)


@pytest.mark.parametrize(
    ("message", "parser"),
    [
        (AIMessage("anything"), None),
        (AIMessage(GOOD), BY_TEXT),
        (AIMessage(f"```json\n{GOOD}\n```"), BY_TEXT),
        (calling(town="Ulm", houses=3), BY_CALL),
        (calling(anything=1), None),
        (AIMessage("[]"), JsonOutputParser()),
        (AIMessage(""), StrOutputParser()),
    ],
    ids=range(7),
)
def test_an_answer_that_fits_has_no_problem(message: AIMessage, parser: Runnable[Any, Any] | None) -> None:
    assert problem_with(message, parser) is None


@pytest.mark.parametrize(
    ("message", "parser", "told"),
    [
        (AIMessage('{"town": "Ulm"}'), BY_TEXT, "houses: Field required"),
        (AIMessage('{"town": "Nowhere", "houses": 1}'), BY_TEXT, "town: Value error, there is no such town"),
        (AIMessage(f"I can't say: {SECRET}"), BY_TEXT, "it can't be read as an answer of the wanted form"),
        (AIMessage(""), BY_TEXT, "it can't be read as an answer of the wanted form"),
        (calling(town="Ulm", houses="three"), BY_CALL, "houses: Input should be a valid integer"),
        (AIMessage("no call at all"), BY_CALL, "there is no answer of the wanted form in it"),
        (
            AIMessage("x"),
            JsonOutputKeyToolsParser(key_name="Place", first_tool_only=True),
            "there is no answer",
        ),
    ],
    ids=range(7),
)
def test_an_answer_that_does_not_fit_is_described_without_being_quoted(
    message: AIMessage, parser: Runnable[Any, Any], told: str
) -> None:
    problem = problem_with(message, parser)
    assert problem is not None
    assert told in problem
    assert SECRET not in problem


def test_arguments_that_cannot_be_read_are_a_problem_without_any_schema() -> None:
    broken = AIMessage(
        "",
        invalid_tool_calls=[
            {"name": "f", "args": "{", "id": "1", "error": "no", "type": "invalid_tool_call"}
        ],
    )
    assert problem_with(broken, None) == UNREADABLE_CALL


def test_whatever_a_schemas_own_validator_raises_is_a_misfit() -> None:
    def picky(_: object) -> object:
        raise LookupError(SECRET)

    assert (
        problem_with(AIMessage("x"), RunnableLambda(picky))
        == "it can't be read as an answer of the wanted form"
    )


def test_many_problems_are_told_in_part() -> None:
    class Many(BaseModel):
        """A schema that asks for a lot."""

        values: list[int]

    answer = AIMessage('{"values": [' + ", ".join(['"x"'] * 50) + "]}")
    problem = problem_with(answer, PydanticOutputParser(pydantic_object=Many))
    assert problem is not None
    assert problem.count("values.") == 10


def test_a_model_is_shown_its_own_answer_and_told_what_is_wrong_with_it() -> None:
    [shown, told] = repair_of(AIMessage(' {"town": "Ulm"} '), "houses: Field required")
    assert (type(shown), shown.text) == (AIMessage, '{"town": "Ulm"}')
    assert type(told) is HumanMessage
    assert "houses: Field required" in told.text
    assert repair_of(calling(town="Ulm"), "x")[0].text == '{"town": "Ulm"}', "a call is shown as text"


def test_an_answer_without_text_is_not_shown_and_a_long_one_in_part() -> None:
    assert [type(one) for one in repair_of(AIMessage(" "), "x")] == [HumanMessage]
    assert len(repair_of(AIMessage("y" * 10_000), "x")[0].text) == LONGEST_QUOTED
