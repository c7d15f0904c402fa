"""The port of asking: one question to a model, and what came back of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.folders.models import Conversation, Folder, NotReported, Tokens
    from app.folders.policy import FolderPolicy

MALFORMED: Final = "malformed_response"
"""The failure class of an answer that can't be read, or that is out of bounds."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which of these folders does this conversation belong in? Asked of one model, under one policy.

    `folders` are by the short keys that the model may answer. `route` is what the model's answers depend on.
    """

    model: BaseChatModel
    route: Hashable
    folders: Mapping[str, Folder]
    conversation: Conversation
    policy: FolderPolicy


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered. `chosen` is None for what is no folder; `failure` is a failure class.

    `degraded_because` says why another hop than the plan's first one answered, or none.
    """

    chosen: Folder | None = None
    confidence: float = 0.0
    reasoning: str = ""
    tokens: Tokens | NotReported = "not_reported"
    failure: str | None = None
    degraded_because: str | None = None


class Asker(Protocol):
    """The port: a way to put the question to a model."""

    def ask(self, question: Question) -> Reply:
        """Return the reply; raises what the model raises."""
        ...

    async def aask(self, question: Question) -> Reply:
        """Return the reply; raises what the model raises."""
        ...
