"""The written choice: the model writes its answer, in a schema that knows this request's keys."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from app.folders.asking import Reply
from app.folders.context import shown
from app.folders.models import FolderAnswer, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.folders.asking import Question
    from app.folders.policy import FolderPolicy

MALFORMED = "malformed_response"


class WrittenChoice:
    """Asks a model to write down the key of the folder, how sure it is, and why."""

    def ask(self, question: Question) -> Reply:
        return _reply(question, _chain(question).invoke(messages(question)))

    async def aask(self, question: Question) -> Reply:
        return _reply(question, await _chain(question).ainvoke(messages(question)))


def messages(question: Question) -> list[tuple[str, str]]:
    """Return the rules as the system message, and all that strangers wrote as the user message."""
    return [("system", rules(question.policy)), ("human", shown(question.folders, question.conversation))]


def rules(policy: FolderPolicy) -> str:
    """Return the system message, with the policy's numbers in it."""
    text = files("app.folders").joinpath("prompt.md").read_text(encoding="utf-8")
    return Template(text).substitute(threshold=f"{policy.threshold:g}").strip()


def answer_schema(keys: Iterable[str]) -> type[FolderAnswer]:
    """Return the answer's schema for these keys: as an enum for the provider, and any text for the reader.

    An answer beyond the enum is not malformed: the policy has a verdict for it.
    """
    key = Field(description="the key of the folder", json_schema_extra={"enum": list(keys)})
    return create_model("FolderAnswer", __base__=FolderAnswer, folder_id=(str, key))


def _chain(question: Question) -> Any:  # noqa: ANN401 - LangChain's Runnable of dict
    return question.model.with_structured_output(answer_schema(question.folders), include_raw=True)


def _reply(question: Question, output: dict[str, Any]) -> Reply:
    answer, tokens = output["parsed"], _tokens(output["raw"])
    if not isinstance(answer, FolderAnswer):
        return Reply(tokens=tokens, failure=MALFORMED)
    chosen = question.folders.get(answer.folder_id.strip())
    return Reply(chosen, answer.confidence, answer.reasoning, tokens)


def _tokens(message: Any) -> Tokens:  # noqa: ANN401 - an AIMessage; LangChain isn't imported for its name
    usage = getattr(message, "usage_metadata", None) or {}
    return Tokens(read=usage.get("input_tokens", 0), written=usage.get("output_tokens", 0))
