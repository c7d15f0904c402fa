"""Reading a structured answer out of a text: leniently while it streams, strictly when it is whole."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import BaseCumulativeTransformOutputParser
from langchain_core.outputs import Generation
from langchain_core.runnables import RunnableLambda
from langchain_core.utils.json import parse_json_markdown
from pydantic import BaseModel

from app.llm.wishes.formats import is_model

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

FENCED: Final = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
"""A code fence around the whole of an answer."""


class WholeJson(BaseCumulativeTransformOutputParser[Any]):
    """Parses JSON. LangChain's own parser closes what a cut answer left open, and takes it for an answer."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:  # noqa: ANN401 - any JSON
        """Return the values, while a text streams those that it has so far."""
        text = result[0].text
        if not partial:
            return loaded(bare(text))
        try:
            return parse_json_markdown(text)
        except ValueError:
            return None

    def parse(self, text: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the values of a whole text."""
        return self.parse_result([Generation(text=text)])


class WholeObject(WholeJson):
    """Parses JSON into an object of a pydantic class, by the rules that the class has for JSON."""

    kind: Any

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:  # noqa: ANN401 - an object
        """Return the object; while a text streams None, until there are enough values for one."""
        if partial:
            return self._so_far(super().parse_result(result, partial=True))
        text = bare(result[0].text)
        try:
            new = issubclass(self.kind, BaseModel)
            return self.kind.model_validate_json(text) if new else self.kind.parse_obj(loaded(text))
        except ValueError as error:  # of both versions of pydantic
            raise OutputParserException("the answer doesn't fit its schema", llm_output=text) from error

    def _so_far(self, values: Any) -> Any:  # noqa: ANN401 - any JSON
        try:
            return self.kind(**values) if isinstance(values, dict) else None
        except ValueError:
            return None


def bare(text: str) -> str:
    """Return a text without the code fence around the whole of it."""
    fenced = FENCED.fullmatch(text)
    return fenced[1] if fenced else text


def loaded(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the values of a text that is nothing but JSON.

    :raises OutputParserException: it is something else.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise OutputParserException("the answer is not valid JSON", llm_output=text) from error


def reader_of(schema: Any) -> Runnable[Any, Any]:  # noqa: ANN401 - any schema
    """Return what parses the text of an answer: into an object of a pydantic class, else into values."""
    return WholeObject(kind=schema) if is_model(schema) else WholeJson()


def check_of(schema: Any) -> Runnable[BaseMessage, Any]:  # noqa: ANN401 - any schema
    """Return what raises if the text of an answer isn't what was wished: the caller reads the text itself."""

    def check(message: BaseMessage) -> Any:  # noqa: ANN401 - any JSON object
        values = loaded(message.text)
        if not isinstance(values, dict):
            raise OutputParserException("the answer is no JSON object")
        return reader_of(schema).invoke(message, {"callbacks": []}) if is_model(schema) else values

    return RunnableLambda(check)
