"""The scored choice: which folder's words does this conversation make likelier? Pure.

A small model can't choose from a list, but what it expects to read next is telling. It is asked to name the
folder of a conversation, without being shown any, and once more of a conversation that says nothing ("N/A").
Nothing of its answers is used but the log-probabilities of their possible first tokens:

- the lift of a word is log P(word | conversation) - log P(word | "N/A");
- the score of a folder is log(mean(exp(lift))) over the words of its name and description: how many times
  likelier, on average, the conversation makes them. The default folder scores 0, as a folder does whose words
  the conversation makes neither likelier nor less likely;
- the probability of a folder is its share in the softmax of the scores; that of the first is the confidence.
"""

from __future__ import annotations

import math
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from app.folders.context import one_line
from app.folders.likelihoods import Likelihoods, lift, log_mean_exp
from app.folders.models import Conversation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.folders.models import Folder

NOTHING_SAID: Final = Conversation(title="N/A", overview="N/A")
"""The conversation whose answer tells what the model says anyway."""


class ScoringPolicy(BaseModel):
    """The numbers of the scored choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_logprobs: int = Field(4000, ge=1)
    """Tokens whose log-probability is asked for. Most folders' words aren't among the first hundreds."""
    temperature: float = Field(0.25, gt=0.0)
    """Divides the scores, in nats, before the softmax: the smaller, the surer."""
    overview_bytes: int = Field(500, ge=1)
    """How much of an overview is read, in bytes of UTF-8: reading is what takes the time."""
    shortest_word: int = Field(3, ge=1)
    """Words of fewer letters are left out, if the folder has longer ones."""
    shortest_beginning: int = Field(3, ge=1)
    """A token with fewer letters than this says nothing of a word that begins with it."""


class FolderScore(NamedTuple):
    """What a folder scored: its score in nats, and its share of the probability, 0..1."""

    score: float
    probability: float


def messages(conversation: Conversation, policy: ScoringPolicy) -> list[tuple[str, str]]:
    """Return the request's messages as (role, text); what strangers wrote is in the last one, the user's."""
    rules = files("app.folders").joinpath("scored_prompt.md").read_text(encoding="utf-8").strip()
    overview = one_line(conversation.overview, "overview").encode()[: policy.overview_bytes]
    about = [
        f"Title: {one_line(conversation.title, 'title')}",
        f"Overview: {overview.decode('utf-8', errors='ignore')}",
    ]
    return [("system", rules), ("human", "\n".join(about))]


def options(policy: ScoringPolicy) -> dict[str, Any]:
    """Return the options of the request: one token, and the likelihoods of all that it might have been."""
    return {"max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": policy.top_logprobs}


def scores(
    folders: Sequence[Folder],
    given: Sequence[Mapping[str, Any]],
    prior: Sequence[Mapping[str, Any]],
    policy: ScoringPolicy,
) -> list[FolderScore]:
    """Return each folder's score, from the `top_logprobs` of the conversation and of NOTHING_SAID.

    An empty list says that the server gave none: then all folders score alike.
    """
    if not given or not prior:
        return softmax([0.0] * len(folders), policy.temperature)
    posterior, anyway = Likelihoods(given), Likelihoods(prior)
    return softmax([_score(folder, posterior, anyway, policy) for folder in folders], policy.temperature)


def softmax(raw: Sequence[float], temperature: float) -> list[FolderScore]:
    """Return the scores with their probabilities, which sum to 1."""
    if not raw:
        return []
    highest = max(raw)
    weights = [math.exp((score - highest) / temperature) for score in raw]
    total = sum(weights)
    return [FolderScore(score, weight / total) for score, weight in zip(raw, weights, strict=True)]


def words(folder: Folder, shortest: int) -> list[str]:
    """Return the words of a folder's name and description, lower-cased, the short ones only if need be."""
    found = re.findall(r"\w+", f"{folder.name} {folder.description or ''}".casefold())
    return [word for word in found if len(word) >= shortest] or found


def _score(folder: Folder, given: Likelihoods, prior: Likelihoods, policy: ScoringPolicy) -> float:
    if folder.is_default:
        return 0.0
    lifts = [
        lift(word, given, prior, policy.shortest_beginning) for word in words(folder, policy.shortest_word)
    ]
    return log_mean_exp(lifts) if lifts else 0.0
