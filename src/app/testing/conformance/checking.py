"""check_adapter: whether a new wire protocol's adapter may be trusted with keys."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from app.testing.answers import reply_of
from app.testing.conformance import options, wire
from app.testing.conformance.bench import Bench
from app.testing.conformance.findings import AdapterMisbehaves, Finding
from app.testing.conformance.planting import ADDRESSES, KEYS, planted
from app.testing.leaks.canaries import canary_key
from app.testing.servers import recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from app.llm.providers.protocol import ProtocolAdapter
    from app.testing.servers import Replying

CHECKS: Final[dict[str, Callable[[Bench], Iterator[str]]]] = {
    "sends what it may": wire.sends_what_it_may,
    "keeps no ticket": wire.keeps_no_ticket,
    "never retries": wire.never_retries,
    "follows no redirect": wire.follows_no_redirect,
    "keeps no cookie": wire.keeps_no_cookie,
    "builds from the spec alone": options.builds_from_the_spec_alone,
    "honours its options": options.honours_its_options,
    "takes a call's own wishes": options.takes_a_calls_own_wishes,
    "says a call's own options": options.says_a_calls_own_options,
    "says how it ended": options.says_how_it_ended,
    "holds no key": options.holds_no_key,
}


def check_adapter(
    adapter: ProtocolAdapter,
    *,
    reply: Replying | None = None,
    base_path: str | None = None,
    variables: tuple[str, ...] = (),
    only: Iterable[str] = CHECKS,
) -> None:
    """Run an adapter over servers on this machine, in every way of asking, and see that it keeps to the door.

    `reply` is how a provider of this protocol answers (ours are known), `base_path` what its base URL ends
    with, `variables` are further environment variables in which its SDK looks for keys, `only` are the checks
    to run (names of CHECKS). All of them take seconds.

    :raises AdapterMisbehaves: it does something that no adapter may; the message names all of it.
    :raises ValueError: the protocol isn't one of ours, and `reply` is missing.
    """
    replying = reply or reply_of(adapter.name)
    if replying is None:
        raise ValueError(f"how does a provider of protocol {adapter.name!r} answer? Say it with reply=...")
    path = {"openai_compatible": "/v1"}.get(adapter.name, "") if base_path is None else base_path
    findings: dict[Finding, None] = {}
    for name in only:
        with _bench(adapter, replying, path, variables) as bench:
            findings |= dict.fromkeys(_found(name, CHECKS[name], bench))
    if findings:
        raise AdapterMisbehaves(adapter.name, list(findings))


def _found(name: str, check: Callable[[Bench], Iterator[str]], bench: Bench) -> Iterator[Finding]:
    try:
        yield from (Finding(name, what) for what in check(bench))
    except Exception as error:  # noqa: BLE001 - an adapter may fail in any way, and that is a finding too
        yield Finding(name, f"it fails: {type(error).__name__}: {error}")


@contextmanager
def _bench(
    adapter: ProtocolAdapter, reply: Replying, base_path: str, variables: tuple[str, ...]
) -> Iterator[Bench]:
    """Yield a bench of its own, in an environment of canaries and of addresses that lead elsewhere."""
    canaries = {name: canary_key(f"the key in {name}") for name in (*KEYS, *variables)}
    with recording(reply) as home, recording(reply) as elsewhere:
        bench = Bench(adapter, (home, elsewhere), reply, base_path, list(canaries.values()))
        environment = {name: canary.text for name, canary in canaries.items()}
        try:
            with planted(environment | dict.fromkeys(ADDRESSES, elsewhere.origin)):
                yield bench
        finally:
            bench.transport.close()
