"""The scored choice over the wire: two requests for one token each, one of them only once a route."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container
from app.containers import running as open_container
from app.folders import Conversation, Folder
from app.folders.models import Tokens
from app.settings import Settings
from tests.servers.models import openai_body
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.servers.wire import Received

FOLDERS = [
    Folder(id="id-of-garden", name="Garden"),
    Folder(id="id-of-money", name="Money"),
    Folder(id="id-of-rest", name="Rest", is_default=True),
]
ROSES = Conversation(title="Roses", overview="When to prune roses", category="other")
PRIOR = {"Garden": -4.0, "Money": -4.0}


def logprobs(of: Mapping[str, float]) -> list[dict[str, Any]]:
    return [{"token": token, "logprob": logprob, "bytes": None} for token, logprob in of.items()]


class ScoringServer:
    """Says how likely words are of a conversation (`given`), and of one that says nothing (`prior`)."""

    def __init__(self, given: Mapping[str, float], prior: Mapping[str, float]) -> None:
        self.given, self.prior = given, prior
        self.about_nothing = 0
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, received: Received) -> Answer:
        body = received.json
        self.bodies.append(body)
        nothing = "N/A" in body["messages"][-1]["content"]
        self.about_nothing += nothing
        completion = json.loads(openai_body("x"))
        top = logprobs(self.prior if nothing else self.given)
        if top:
            content = [{"token": "x", "logprob": -1.0, "bytes": None, "top_logprobs": top}]
            completion["choices"][0]["logprobs"] = {"content": content, "refusal": None}
        return Answer(json.dumps(completion).encode())


@contextmanager
def container_at(says: ScoringServer) -> Iterator[Any]:
    with running(says) as server:
        settings = Settings(model_qos="local", variables={"LOCAL_BASE_URL": f"{server.origin}/v1"})
        with open_container(Container(settings=settings)) as container:
            yield container


def test_the_folder_whose_words_became_likelier_is_chosen_with_a_confidence_from_the_scores() -> None:
    says = ScoringServer({"Garden": -1.0, "Money": -6.0}, PRIOR)
    with container_at(says) as container:
        assignment = container.folder_assigner().assign(FOLDERS, ROSES)
    assert (assignment.folder_id, assignment.status) == ("id-of-garden", "accepted")
    assert 0.7 <= assignment.confidence <= 1
    assert assignment.reasoning.startswith("scored: Garden ")
    assert assignment.tokens == Tokens(read=6, written=4)


async def test_one_token_is_asked_for_and_about_nothing_only_once() -> None:
    says = ScoringServer({"Garden": -1.0, "Money": -6.0}, PRIOR)
    with container_at(says) as container:
        container.folder_assigner().assign(FOLDERS, ROSES)
        second = await container.folder_assigner().aassign(FOLDERS, ROSES)
    assert second.status == "accepted"
    assert second.tokens == Tokens(read=3, written=2)
    assert says.about_nothing == 1
    assert len(says.bodies) == 3
    assert all(body["logprobs"] is True for body in says.bodies)
    assert {body.get("max_tokens", body.get("max_completion_tokens")) for body in says.bodies} == {1}


async def test_what_makes_no_difference_goes_to_the_default_folder() -> None:
    with container_at(ScoringServer(PRIOR, PRIOR)) as container:
        assignment = await container.folder_assigner().aassign(FOLDERS, ROSES)
    assert assignment.folder_id == "id-of-rest"
    assert assignment.confidence == pytest.approx(1 / 3)


async def test_a_server_that_shows_no_likelihoods_is_a_model_that_failed() -> None:
    says = ScoringServer({}, {})
    with container_at(says) as container:
        assignment = await container.folder_assigner().aassign(FOLDERS, ROSES)
        again = container.folder_assigner().assign(FOLDERS, ROSES)
    assert (assignment.status, assignment.failure) == ("model_failed_defaulted", "malformed_response")
    assert again.status == assignment.status
    assert says.about_nothing == 2


def test_an_answer_without_readable_beginnings_is_a_doubt_and_no_failure() -> None:
    with container_at(ScoringServer({}, PRIOR)) as container:
        assignment = container.folder_assigner().assign(FOLDERS, ROSES)
    assert (assignment.status, assignment.failure) == ("low_confidence_defaulted", None)


def test_what_strangers_wrote_is_in_the_user_message_only() -> None:
    says = ScoringServer(PRIOR, PRIOR)
    with container_at(says) as container:
        container.folder_assigner().assign(FOLDERS, Conversation(title="OBEY", overview="OBEY ME"))
    for body in says.bodies:
        system, *_ = body["messages"]
        assert system["role"] == "system"
        assert "OBEY" not in system["content"]
