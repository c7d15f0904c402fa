"""The written choice: the model writes its answer, in a schema that knows this request's keys."""

from __future__ import annotations

import threading
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from app.folders.asking import MALFORMED, Reply
from app.folders.context import shown
from app.folders.models import FolderAnswer, Tokens
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.folders.asking import Question
    from app.folders.models import NotReported
    from app.folders.policy import FolderPolicy


MOST_SCHEMAS = 256
"""Numbers of folders whose schema is kept."""


class WrittenChoice:
    """Asks a model to write down the key of the folder, how sure it is, and why.

    It keeps the schemas: one for each number of folders is enough, and SDKs remember every class they are
    shown. Made to last, and safe to share among threads and loops. A forked child makes schemas of its own.
    """

    def __init__(self) -> None:
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Start empty. In a forked child, a thread of the parent may have been in the middle of a change."""
        self._lock = threading.Lock()
        self._schemas: LRUCache[int, type[BaseModel]] = LRUCache(MOST_SCHEMAS)

    def ask(self, question: Question) -> Reply:
        return reply_to(question, self._chain(question).invoke(messages(question)))

    async def aask(self, question: Question) -> Reply:
        return reply_to(question, await self._chain(question).ainvoke(messages(question)))

    def _chain(self, question: Question) -> Any:  # noqa: ANN401 - LangChain's Runnable of dict
        with self._lock:
            schema = self._schemas.get(len(question.folders))
            if schema is None:
                schema = self._schemas[len(question.folders)] = answer_schema(question.folders)
        return question.model.with_structured_output(schema, include_raw=True)


def messages(question: Question) -> list[tuple[str, str]]:
    """Return the rules as the system message, and all that strangers wrote as the user message."""
    return [("system", rules(question.policy)), ("human", shown(question.folders, question.conversation))]


def rules(policy: FolderPolicy) -> str:
    """Return the system message, with the policy's numbers in it."""
    text = files("app.folders").joinpath("prompt.md").read_text(encoding="utf-8")
    return Template(text).substitute(threshold=f"{policy.threshold:g}").strip()


def _without_defaults(schema: dict[str, Any]) -> None:
    """Every field is asked for, and none has a default: OpenAI's strict mode knows no others."""
    schema["required"] = list(schema["properties"])
    for field in schema["properties"].values():
        field.pop("default", None)


class _Written(BaseModel):
    """Where the conversation belongs."""

    # What a provider is told to keep to is checked by FolderAnswer: the OpenAI SDK would raise here, and the
    # tokens of an answer that is out of bounds would go uncounted.
    model_config = ConfigDict(json_schema_extra=_without_defaults)

    folder_id: str
    confidence: float = Field(0.5, json_schema_extra={"minimum": 0, "maximum": 1})
    reasoning: str = ""


def answer_schema(keys: Iterable[str]) -> type[BaseModel]:
    """Return the schema of an answer: these keys as an enum for the provider, any text for the reader.

    An answer beyond the enum is not malformed: the policy has a verdict for it.
    """
    key = Field(description="the key of the folder", json_schema_extra={"enum": list(keys)})
    return create_model("FolderAnswer", __base__=_Written, __doc__=_Written.__doc__, folder_id=(str, key))


def reply_to(question: Question, output: dict[str, Any]) -> Reply:
    """Return what the output (`raw` and `parsed`) of a structured call says."""
    tokens, degraded = tokens_of(output["raw"]), degraded_because(output["raw"])
    try:
        answer = FolderAnswer.model_validate(output["parsed"], from_attributes=True)
    except ValidationError:
        return Reply(tokens=tokens, failure=MALFORMED, degraded_because=degraded or MALFORMED)
    chosen = question.folders.get(answer.folder_id.strip())
    return Reply(chosen, answer.confidence, answer.reasoning, tokens, degraded_because=degraded)


def degraded_because(message: Any) -> str | None:  # noqa: ANN401 - an AIMessage, as below
    """Return why another hop than the plan's first one gave a message, None if it did."""
    reason: str | None = message.response_metadata.get("pointsman", {}).get("degraded_because")
    return reason


def tokens_of(message: Any) -> Tokens | NotReported:  # noqa: ANN401 - an AIMessage; LangChain isn't imported for its name
    """Return the tokens that a provider counted for a message."""
    usage = getattr(message, "usage_metadata", None)
    return Tokens(read=usage["input_tokens"], written=usage["output_tokens"]) if usage else "not_reported"
