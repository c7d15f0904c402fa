"""FolderAssigner: files a conversation into one of a user's folders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.errors import ModelCallFailed, PointsmanError, UserKeyRejected
from app.folders.asking import Question, Reply
from app.folders.context import keyed
from app.folders.models import Assignment
from app.folders.policy import FolderPolicy
from app.folders.written_choice import WrittenChoice
from app.llm.failures import classify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.folders.asking import Asker
    from app.folders.models import Conversation, Folder
    from app.llm.byok.scope import RequestScope
    from app.llm.service import LLMService

FEATURE = "conv_folder"


class FolderAssigner:
    """Files conversations, asking the model that the feature `conv_folder` is routed to when it is asked."""

    def __init__(self, llm_service: LLMService, policy: FolderPolicy | None = None) -> None:
        self._llm_service = llm_service
        self._policy = policy or FolderPolicy()

    def assign(
        self, folders: Sequence[Folder], conversation: Conversation, *, scope: RequestScope | None = None
    ) -> Assignment:
        """Return where the conversation was filed."""
        if not folders:
            return _no_folders()
        started = time.monotonic()
        question, asker = self._prepared(folders, conversation, scope)
        try:
            reply = asker.ask(question)
        except Exception as error:  # noqa: BLE001 - SDKs raise anything for an answer that they can't read
            reply = _failed(error)
        return self._judged(question, reply, time.monotonic() - started)

    async def aassign(
        self, folders: Sequence[Folder], conversation: Conversation, *, scope: RequestScope | None = None
    ) -> Assignment:
        """Return what `assign` returns, without blocking the event loop. Raises the same."""
        if not folders:
            return _no_folders()
        started = time.monotonic()
        question, asker = self._prepared(folders, conversation, scope)
        try:
            reply = await asker.aask(question)
        except Exception as error:  # noqa: BLE001 - SDKs raise anything for an answer that they can't read
            reply = _failed(error)
        return self._judged(question, reply, time.monotonic() - started)

    def _prepared(
        self, folders: Sequence[Folder], conversation: Conversation, scope: RequestScope | None
    ) -> tuple[Question, Asker]:
        model = self._llm_service.get_llm(FEATURE, scope=scope)
        return Question(model, keyed(folders), conversation, self._policy), WrittenChoice()

    def _judged(self, question: Question, reply: Reply, seconds: float) -> Assignment:
        folders, category = list(question.folders.values()), question.conversation.category
        if reply.failure:
            verdict = self._policy.without_answer(folders, category)
        else:
            verdict = self._policy.judge(folders, category, reply.chosen, reply.confidence)
        return Assignment(
            folder_id=verdict.folder.id if verdict.folder else None,
            folder_name=verdict.folder.name if verdict.folder else None,
            confidence=verdict.confidence,
            status=verdict.status,
            answered_by=verdict.answered_by,
            reasoning=reply.reasoning,
            failure=reply.failure,
            tokens=reply.tokens,
            seconds=seconds,
        )


def _no_folders() -> Assignment:
    return Assignment(
        folder_id=None, folder_name=None, confidence=0.0, status="no_folders", answered_by="nobody"
    )


def _failed(error: Exception) -> Reply:
    """Return the reply of a model that failed; what no fallback folder may hide is raised again."""
    own = isinstance(error, PointsmanError)
    if isinstance(error, UserKeyRejected) or (own and not isinstance(error, ModelCallFailed)):
        raise error
    failure = error.failure_class if isinstance(error, ModelCallFailed) else classify(error).failure_class
    import structlog

    log = structlog.get_logger("pointsman")
    log.warning("folder_model_failed", failure=failure, error=type(error).__name__)
    return Reply(failure=failure)
