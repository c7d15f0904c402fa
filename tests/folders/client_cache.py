"""A client cache that serves one scripted model, whatever the route."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableSequence

from app.containers import Container
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.callbacks import CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

    from app.llm.clients.spec import ClientSpec

Says = Callable[[str], str]
"""From the user message to what the model says; it may raise what an SDK raises."""


class ScriptedModel(BaseChatModel):
    """A chat model that says what a test wants."""

    says: Says

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        usage = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
        said = AIMessage(self.says(str(messages[-1].content)), usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=said)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for word in re.split("(?<= )", self.says(str(messages[-1].content))):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        ended = {"finish_reason": "stop"}
        yield ChatGenerationChunk(message=AIMessageChunk(content=""), generation_info=ended)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        assert isinstance(schema, type)
        return RunnableSequence(self.bind(schema=schema), PydanticOutputParser(pydantic_object=schema))


class ScriptedClientCache:
    """Holds one scripted model, and remembers which routes it was asked for and what it was told."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self._lock = threading.Lock()
        self._model = ScriptedModel(says=self._heard)
        self.specs: list[ClientSpec] = []
        self.heard: list[str] = []

    def get(self, spec: ClientSpec) -> BaseChatModel:
        with self._lock:
            self.specs.append(spec)
        return self._model

    def close(self) -> None:
        """Nothing was opened."""

    def _heard(self, message: str) -> str:
        with self._lock:
            self.heard.append(message)
        return self._says(message)


def answer(folder_id: str, confidence: object = 0.9, reasoning: str = "it fits") -> str:
    """Return what a model writes down."""
    return json.dumps({"folder_id": folder_id, "confidence": confidence, "reasoning": reasoning})


def container_of(cache: ScriptedClientCache, **settings: Any) -> Any:  # noqa: ANN401 - Container() returns a DynamicContainer
    """Return the whole container, with this client cache in the place of its own."""
    given = {"variables": {"OPENAI_API_KEY": "openai-platform-key"}} | settings
    return Container(client_cache=cache, settings=Settings(**given))
