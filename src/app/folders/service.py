"""FolderAssigner: files a conversation into one of a user's folders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.errors import MalformedResponse, ModelCallFailed, PointsmanError, UserKeyRejected
from app.folders.asking import MALFORMED, Question, Reply
from app.folders.batch import afinished, finished
from app.folders.context import keyed
from app.folders.last_resort import FEATURE
from app.folders.models import Assignment, Tokens
from app.folders.policy import FolderPolicy, Verdict
from app.folders.ways_to_ask import ways_to_ask
from app.llm.byok.scope import current_scope
from app.llm.failures import classify
from app.llm.logs import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    from app.folders.asking import Asker
    from app.folders.models import Conversation, Folder
    from app.llm.byok.scope import RequestScope
    from app.llm.catalog.rows import Ask
    from app.llm.planning import Plan
    from app.llm.service import LLMService

    Item = tuple[Sequence[Folder], Conversation]

CONCURRENCY = 4
"""Conversations that are asked about at once, unless a caller says otherwise."""


class FolderAssigner:
    """Files conversations, with the model that `conv_folder` is routed to at the moment of asking.

    A plan that fails is no error where the catalog names the feature's `last_resort`: the conversation goes
    to the fallback, and the assignment says why (`degraded_because`). Errors are what no fallback may hide:
    nobody could be asked at all (ConfigurationError), what the request brought can't be used (ScopeError), or
    the provider refused the user's own key (UserKeyRejected).
    """

    def __init__(
        self,
        llm_service: LLMService,
        policy: FolderPolicy | None = None,
        askers: Mapping[Ask, Asker] | None = None,
    ) -> None:
        self._llm_service = llm_service
        self._policy = policy or FolderPolicy()
        self._askers = askers or ways_to_ask()

    def assign(
        self, folders: Sequence[Folder], conversation: Conversation, *, scope: RequestScope | None = None
    ) -> Assignment:
        """Return where the conversation is filed, for the given request scope, else the ambient one.

        :raises ConfigurationError: no call can be made (a missing key, an unavailable feature).
        :raises ScopeError: only users pay for this feature, and this one sent no key that fits.
        :raises UserKeyRejected: the provider refused the user's key.
        :raises ModelCallFailed: every hop failed, and the catalog names no last resort.
        """
        started = time.monotonic()
        if not folders:
            return self._unasked()
        question, asker, plan = self._prepared(folders, conversation, scope)
        try:
            reply = asker.ask(question)
        except Exception as error:  # noqa: BLE001 - SDKs raise anything for an answer that they can't read
            reply = failed(error, plan)
        return self._judged(question, checked(reply, plan), started)

    async def aassign(
        self, folders: Sequence[Folder], conversation: Conversation, *, scope: RequestScope | None = None
    ) -> Assignment:
        """Return what `assign` returns, without blocking the event loop. Raises the same."""
        started = time.monotonic()
        if not folders:
            return self._unasked()
        question, asker, plan = self._prepared(folders, conversation, scope)
        try:
            reply = await asker.aask(question)
        except Exception as error:  # noqa: BLE001 - SDKs raise anything for an answer that they can't read
            reply = failed(error, plan)
        return self._judged(question, checked(reply, plan), started)

    def assign_many(
        self, items: Iterable[Item], *, concurrency: int = CONCURRENCY, scope: RequestScope | None = None
    ) -> list[Assignment]:
        """Return the assignments of (folders, conversation) pairs, in their order.

        A model that fails on one stops none of the others. What `assign` raises stops all: all would fail so.
        """
        return _in_order(self.assign_each(items, concurrency=concurrency, scope=scope))

    def assign_each(
        self, items: Iterable[Item], *, concurrency: int = CONCURRENCY, scope: RequestScope | None = None
    ) -> Iterator[tuple[int, Assignment]]:
        """Yield (index, assignment) as each is there, at most `concurrency` threads at work.

        Items are drawn as there is room. An error is raised after the assignments that were under way.
        """
        asked_for = current_scope() if scope is None else scope
        return finished(lambda item: self.assign(*item, scope=asked_for), items, concurrency)

    async def aassign_many(
        self, items: Iterable[Item], *, concurrency: int = CONCURRENCY, scope: RequestScope | None = None
    ) -> list[Assignment]:
        """Return what `assign_many` returns, in tasks of this event loop. Raises the same."""
        each = self.aassign_each(items, concurrency=concurrency, scope=scope)
        return _in_order([pair async for pair in each])

    def aassign_each(
        self, items: Iterable[Item], *, concurrency: int = CONCURRENCY, scope: RequestScope | None = None
    ) -> AsyncIterator[tuple[int, Assignment]]:
        """Yield what `assign_each` yields, in tasks of this event loop; not to listen on cancels the rest."""
        asked_for = current_scope() if scope is None else scope
        return afinished(lambda item: self.aassign(*item, scope=asked_for), items, concurrency)

    def _prepared(
        self, folders: Sequence[Folder], conversation: Conversation, scope: RequestScope | None
    ) -> tuple[Question, Asker, Plan]:
        model = self._llm_service.get_llm(FEATURE, scope=scope)
        plan = self._llm_service.plan(FEATURE, scope)
        question = Question(model, plan.first.spec, keyed(folders), conversation, self._policy)
        return question, self._askers[plan.ask], plan

    def _unasked(self) -> Assignment:
        return _assignment(Verdict(None, 0.0, "no_folders"), Reply(tokens=Tokens()), 0.0)

    def _judged(self, question: Question, reply: Reply, started: float) -> Assignment:
        folders, category = list(question.folders.values()), question.conversation.category
        if reply.failure:
            verdict = self._policy.without_answer(folders, category)
        else:
            verdict = self._policy.judge(folders, category, reply.chosen, reply.confidence)
        return _assignment(verdict, reply, time.monotonic() - started)


def failed(error: Exception, plan: Plan) -> Reply:
    """Return the reply of a plan that failed; raises again what no fallback may hide."""
    own = isinstance(error, PointsmanError)
    if isinstance(error, UserKeyRejected) or (own and not isinstance(error, ModelCallFailed)):
        raise error
    if plan.feature.row.last_resort is None:
        raise error
    failure = _failure_class(error)
    logger().warning("folder_model_failed", failure=failure, error=type(error).__name__)
    return Reply(failure=failure, degraded_because=failure)


def checked(reply: Reply, plan: Plan) -> Reply:
    """Return the reply, if it is one or there is a last resort.

    :raises MalformedResponse: the answer can't be used, and the catalog names no last resort.
    """
    if reply.failure is None or plan.feature.row.last_resort is not None:
        return reply
    hop = plan.first
    raise MalformedResponse(
        feature=plan.feature.name,
        provider=hop.route.provider,
        model=hop.route.model,
        payer=hop.payer,
        failure_class=MALFORMED,
    )


def _failure_class(error: Exception) -> str:
    if isinstance(error, ModelCallFailed):
        return error.failure_class
    # Parsers raise ValueErrors (pydantic's, LangChain's, json's) for what a model wrote.
    return MALFORMED if isinstance(error, ValueError) else classify(error).failure_class


def _assignment(verdict: Verdict, reply: Reply, seconds: float) -> Assignment:
    return Assignment(
        folder_id=verdict.folder.id if verdict.folder else None,
        folder_name=verdict.folder.name if verdict.folder else None,
        confidence=verdict.confidence,
        status=verdict.status,
        answered_by=verdict.answered_by,
        reasoning=reply.reasoning,
        failure=reply.failure,
        degraded_because=reply.degraded_because,
        tokens=reply.tokens,
        seconds=round(seconds, 4),
    )


def _in_order(pairs: Iterable[tuple[int, Assignment]]) -> list[Assignment]:
    return [assignment for _, assignment in sorted(pairs, key=lambda pair: pair[0])]
