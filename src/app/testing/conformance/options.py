"""What an adapter says it honours, and whether it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langchain_core.language_models.chat_models import BaseChatModel

from app.errors import ConfigurationError
from app.llm.catalog.options import OPTION_NAMES
from app.llm.failures.finishing import finish_of, is_content
from app.llm.providers.calls import renderer_of
from app.testing.conformance.bench import WAYS
from app.testing.conformance.planting import ADDRESSES, KEYS, planted
from app.testing.leaks.depths import texts_within
from app.testing.leaks.exhibits import Exhibit, search
from app.testing.leaks.things import ThingSink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.llm.catalog.options import OptionValue
    from app.testing.conformance.bench import Bench, Outcome

SAMPLES: Final[Mapping[str, OptionValue]] = {
    "temperature": 0.3,
    "top_p": 0.7,
    "max_tokens": 77,
    "seed": 7,
    "stop": ("END",),
    "timeout_s": 7.5,
    "reasoning_effort": "low",
    "thinking_budget": 1024,
    "thinking_level": "low",
    "prompt_cache_retention": "24h",
    "service_tier": "flex",
}
"""A value of each option that is no SDK's default."""
TIME_LEFT_S: Final = 3.5


def honours_its_options(bench: Bench) -> Iterator[str]:
    """Yield the options that it honours and ignores, and those that it doesn't honour and takes."""
    yield from (
        f"it honours {name!r}, an option that there isn't"
        for name in bench.adapter.honours.keys() - OPTION_NAMES
    )
    plain = {way: asked_for(bench.ask(bench.build(), way)) for way in WAYS}
    for name in sorted(OPTION_NAMES):
        value = sample_of(bench, name)
        if name not in bench.adapter.honours:
            yield from _refuses(bench, name, value)
            continue
        client = bench.build(**{name: value})
        for way in WAYS:
            outcome = bench.ask(client, way)
            if outcome.error is not None:
                yield f"{way}: it fails with option {name} = {value!r}: {outcome.error}"
            elif asked_for(outcome) == plain[way]:
                yield f"{way}: it ignores option {name} = {value!r}, which it says it honours"


def _refuses(bench: Bench, name: str, value: OptionValue) -> Iterator[str]:
    try:
        bench.build(**{name: value})
    except ConfigurationError:
        return
    yield f"it takes option {name!r}, which it doesn't honour: that has to be a ConfigurationError"


def asked_for(outcome: Outcome) -> list[Any]:
    """Return what a call asks for, but for its key, with the time that it may take."""
    requests = [(seen.method, seen.target, seen.body) for seen in outcome.home]
    limits = [request.extensions.get("timeout", {}).get("read") for request in outcome.passed]
    return [*requests, limits]


def takes_a_calls_own_wishes(bench: Bench) -> Iterator[str]:
    """Yield whether the time left and the cache key of a single call are honoured."""
    client = bench.build()
    for way in WAYS:
        outcome = bench.ask(client, way, timeout_s=TIME_LEFT_S)
        if [request.extensions.get("timeout", {}).get("read") for request in outcome.passed] != [TIME_LEFT_S]:
            yield f"{way}: it ignores the time that is left to a call (timeout_s)"
        cached = bench.ask(client, way, cache_key="group-17")
        refused = isinstance(cached.error, ConfigurationError)
        if not refused and not any(b"group-17" in seen.body for seen in cached.home):
            yield f"{way}: it drops the cache key: carry it, or raise ConfigurationError"


def says_a_calls_own_options(bench: Bench) -> Iterator[str]:
    """Yield the options that it honours for a client's calls, and ignores where a single call says them."""
    client, renderer = bench.build(), renderer_of(bench.adapter)
    plain = {way: asked_for(bench.ask(client, way)) for way in WAYS}
    for name in sorted((bench.adapter.honours.keys() & OPTION_NAMES) - {"timeout_s"}):
        value = sample_of(bench, name)
        for way in WAYS:
            outcome = bench.ask(client, way, wishes=renderer.option(name, value))
            if outcome.error is not None:
                yield f"{way}: it fails with option {name} = {value!r} of a single call: {outcome.error}"
            elif asked_for(outcome) == plain[way]:
                yield f"{way}: it ignores option {name} = {value!r} of a single call"


def sample_of(bench: Bench, name: str) -> OptionValue:
    """Return a value of an option that the adapter knows, if it honours the option at all."""
    known = bench.adapter.honours.get(name)
    return SAMPLES[name] if not known or SAMPLES[name] in known else min(known, key=str)


def says_how_it_ended(bench: Bench) -> Iterator[str]:
    """Yield the streams without content, and without the provider's word for how they ended.

    Without such a word a stream counts as broken: an SDK takes one that was cut for a whole one. A model that
    has no stream of its own gives its whole answer as one chunk.
    """
    client = bench.build()
    for way in WAYS:
        said = bench.ask(client, way).said
        if said and not any(map(is_content, said)):
            yield f"{way}: nothing of its answer is content"
        if way in streams_of(client) and not any(map(finish_of, said)):
            yield f"{way}: its stream doesn't say how it ended (finish_reason or stop_reason)"


def streams_of(client: BaseChatModel) -> set[str]:
    """Return the ways in which a model streams by itself."""
    ours, base = type(client), BaseChatModel
    if ours._stream is not base._stream:  # noqa: SLF001 - how LangChain itself asks
        return {"stream", "astream"}
    return {"astream"} if ours._astream is not base._astream else set()  # noqa: SLF001 - as above


def builds_from_the_spec_alone(bench: Bench) -> Iterator[str]:
    """Yield how two clients of one spec differ: in another environment, and after the first was used."""
    first = bench.build(temperature=0.3) if "temperature" in bench.adapter.honours else bench.build()
    before = {way: asked_for(bench.ask(first, way)) for way in WAYS}
    with planted(dict.fromkeys(ADDRESSES, f"{bench.elsewhere.origin}/other") | dict.fromkeys(KEYS, "other")):
        second = bench.build(temperature=0.3) if "temperature" in bench.adapter.honours else bench.build()
        for way in WAYS:
            for which, client in (
                ("the same client asks", first),
                ("a client of an equal spec asks", second),
            ):
                if asked_for(bench.ask(client, way)) != before[way]:
                    yield f"{way}: {which} for something else in another environment, or the second time"


def holds_no_key(bench: Bench) -> Iterator[str]:
    """Yield where in a client, or in what can be made of it, a key is: of a call, or of the environment."""
    client, key, sink = bench.build(), bench.key(), ThingSink()
    for way in WAYS:
        bench.ask(client, way, key)
    sink.look_at(client, "the client")
    within = [Exhibit(place, text) for place, text in texts_within(client, "the client")]
    for exhibit in (*sink.exhibits(), *within):
        yield from (str(found) for found in search(exhibit, "the client", [key, *bench.planted]))
