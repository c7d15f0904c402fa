"""A chat model that says one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


class Chatter(BaseChatModel):
    """A model that says one thing."""

    answer: ChatResult = ChatResult(generations=[ChatGeneration(message=AIMessage("hello"))])

    @property
    def _llm_type(self) -> str:
        return "chatter"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return self.answer
