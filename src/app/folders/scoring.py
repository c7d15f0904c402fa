"""Asking for a scored choice: two requests for one token each, the second of which is asked once a route."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from app.folders.asking import MALFORMED, Reply
from app.folders.models import Tokens
from app.folders.scored_choice import NOTHING_SAID, ScoringPolicy, messages, options, scores
from app.folders.written_choice import degraded_because, tokens_of
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.folders.asking import Question
    from app.folders.models import NotReported
    from app.folders.scored_choice import FolderScore

    TopLogprobs = Sequence[Mapping[str, Any]]

MOST_ROUTES = 64
"""Routes whose answer about nothing is kept."""
RUNNERS_UP = 3
"""Folders whose probability is named as the reasoning."""


class ScoredChoice:
    """Asks a model that shows its log-probabilities, and scores the folders by them.

    What a model says of a conversation that says nothing depends on its route alone, so it is asked once a
    route and kept: it holds nothing of anybody's. Made to last, and safe to share among threads and loops. A
    forked child asks once more.
    """

    def __init__(self, policy: ScoringPolicy | None = None) -> None:
        self._policy = policy or ScoringPolicy()
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Start empty. In a forked child, a thread of the parent may have been in the middle of a change."""
        self._lock = threading.Lock()
        self._priors: LRUCache[object, TopLogprobs] = LRUCache(MOST_ROUTES)

    def ask(self, question: Question) -> Reply:
        asked = self._asking(question)
        answer = asked.invoke(messages(question.conversation, self._policy))
        if (prior := self._kept(question, answer)) is not None:
            return self._reply(question, prior, [answer])
        anyway = asked.invoke(messages(NOTHING_SAID, self._policy))
        return self._reply(question, self._keep(question, answer, anyway), [answer, anyway])

    async def aask(self, question: Question) -> Reply:
        asked = self._asking(question)
        answer = await asked.ainvoke(messages(question.conversation, self._policy))
        if (prior := self._kept(question, answer)) is not None:
            return self._reply(question, prior, [answer])
        anyway = await asked.ainvoke(messages(NOTHING_SAID, self._policy))
        return self._reply(question, self._keep(question, answer, anyway), [answer, anyway])

    def _asking(self, question: Question) -> Any:  # noqa: ANN401 - LangChain's Runnable
        return question.model.bind(**options(self._policy))

    def _kept(self, question: Question, answer: Any) -> TopLogprobs | None:  # noqa: ANN401 - an AIMessage
        with self._lock:
            return self._priors.get((question.route, hop_of(answer)))

    def _keep(self, question: Question, answer: Any, anyway: Any) -> TopLogprobs:  # noqa: ANN401 - AIMessages
        """Return what the model says anyway, and keep it; nothing if it isn't the model of the answer."""
        prior = top_logprobs(anyway) if hop_of(anyway) == hop_of(answer) else []
        if prior:
            with self._lock:
                self._priors[question.route, hop_of(answer)] = prior
        return prior

    def _reply(self, question: Question, prior: TopLogprobs, told: list[Any]) -> Reply:
        tokens, degraded = _sum([tokens_of(message) for message in told]), degraded_because(told[0])
        if not prior:  # the server shows none at all: scoring on would look like doubt about every folder
            return Reply(tokens=tokens, failure=MALFORMED, degraded_because=degraded or MALFORMED)
        folders = list(question.folders.values())
        scored = scores(folders, top_logprobs(told[0]), prior, self._policy)
        best = max(range(len(folders)), key=lambda index: scored[index].score)
        reasoning, probability = _reasoning(question, scored), scored[best].probability
        return Reply(folders[best], probability, reasoning, tokens, degraded_because=degraded)


def _sum(counted: Sequence[Tokens | NotReported]) -> Tokens | NotReported:
    """Return the tokens of all requests, not reported if one of them isn't."""
    known = [tokens for tokens in counted if tokens != "not_reported"]
    if len(known) < len(counted):
        return "not_reported"
    return Tokens(read=sum(tokens.read for tokens in known), written=sum(tokens.written for tokens in known))


def hop_of(message: Any) -> int:  # noqa: ANN401 - an AIMessage
    """Return which hop of its plan gave a message: likelihoods of two models can't be compared."""
    number: int = message.response_metadata.get("pointsman", {}).get("hop", 1)
    return number


def top_logprobs(message: Any) -> TopLogprobs:  # noqa: ANN401 - an AIMessage
    """Return the log-probabilities of an answer's first token and its rivals; nothing if there are none."""
    content = (message.response_metadata.get("logprobs") or {}).get("content") or []
    found: TopLogprobs = content[0].get("top_logprobs") or [] if content else []
    return found


def _reasoning(question: Question, scored: Sequence[FolderScore]) -> str:
    named = zip((folder.name for folder in question.folders.values()), scored, strict=True)
    ranked = sorted(named, key=lambda pair: -pair[1].score)[:RUNNERS_UP]
    return "scored: " + ", ".join(f"{name} {score.probability:.2f}" for name, score in ranked)
