"""Log-probabilities of an answer's first token, read as the likelihoods of words. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FIRST_IDEOGRAPH: Final = "\u2e80"
"""From here on, one character can be a word."""


class Likelihoods:
    """The log-probabilities of texts that may come first, whatever their case and surrounding blanks."""

    def __init__(self, top_logprobs: Iterable[Mapping[str, Any]]) -> None:
        """Read entries with a `token` (text) and a `logprob`, as the chat-completions protocol lists them."""
        grouped: dict[str, list[float]] = {}
        self.floor = 0.0
        """The smallest log-probability that was listed: what wasn't listed has at most this."""
        for entry in top_logprobs:
            text, logprob = entry["token"].strip().casefold(), float(entry["logprob"])
            self.floor = min(self.floor, logprob)
            if text and "\ufffd" not in text:
                grouped.setdefault(text, []).append(logprob)
        self._of = {text: log_sum_exp(logprobs) for text, logprobs in grouped.items()}

    def __contains__(self, text: str) -> bool:
        return text in self._of

    def get(self, text: str, floor: float) -> float:
        """Return the log-probability of `text`, or `floor` if it wasn't listed."""
        return self._of.get(text, floor)


def lift(word: str, given: Likelihoods, prior: Likelihoods, shortest: int) -> float:
    """Return by how many nats `given` makes a lower-cased word likelier than `prior`.

    A word is known by its longest beginning, of at least `shortest` letters, that either of them lists: a
    tokenizer's first token of a word is mostly that. Where only one lists it, the other's is taken to be the
    lower floor of the two. A word that neither lists has a lift of 0: nothing is known of it.
    """
    floor = min(given.floor, prior.floor)
    shortest = 1 if word >= FIRST_IDEOGRAPH else min(shortest, len(word))
    for length in range(len(word), shortest - 1, -1):
        beginning = word[:length]
        if beginning in given or beginning in prior:
            return given.get(beginning, floor) - prior.get(beginning, floor)
    return 0.0


def log_sum_exp(values: Sequence[float]) -> float:
    """Return log(sum(exp(values))) without overflow; `values` must not be empty."""
    highest = max(values)
    return highest + math.log(sum(math.exp(value - highest) for value in values))


def log_mean_exp(values: Sequence[float]) -> float:
    """Return log(mean(exp(values))) without overflow; `values` must not be empty."""
    return log_sum_exp(values) - math.log(len(values))
