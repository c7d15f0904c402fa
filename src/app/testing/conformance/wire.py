"""What the wire says of an adapter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT, TICKET_HEADER
from app.testing.conformance.bench import AUTH_HEADERS, WAYS
from app.testing.leaks.exhibits import search
from app.testing.leaks.wire import parts_of
from app.testing.servers import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.testing.conformance.bench import Bench, Outcome
    from app.testing.leaks.canaries import Canary
    from app.testing.servers import Seen

FAILURES: dict[str, Reply] = {
    "HTTP 429": Reply(b'{"error": {"message": "later"}}', 429, {"retry-after": "0"}),
    "HTTP 500": Reply(b'{"error": {"message": "no"}}', 500),
    "HTTP 503": Reply(b'{"error": {"message": "no"}}', 503, {"x-should-retry": "true"}),
    "a broken connection": Reply(b"{", cut=True),
}
TOGETHER = 8


def sends_what_it_may(bench: Bench) -> Iterator[str]:
    """Yield what is wrong with a plain call: its requests, its key, whatever else it carries."""
    client = bench.build()
    if bench.home.received or bench.elsewhere.received:
        yield "it asks somebody before it is called"
    for way in WAYS:
        key = bench.key()
        outcome = bench.ask(client, way, key)
        yield from (f"{way}: {what}" for what in wrong_with(bench, outcome, key))


def wrong_with(bench: Bench, outcome: Outcome, key: Canary) -> Iterator[str]:
    """Yield what is wrong with the one request of a call that the provider answers."""
    yield from (f"the door refused it: {refusal}" for refusal in outcome.refusals)
    if outcome.error is not None and not outcome.refusals:
        yield f"it fails: {type(outcome.error).__name__}: {outcome.error}"
    if outcome.elsewhere:
        yield "it sends a request to another host than its base URL's"
    if len(outcome.home) != 1 and not outcome.refusals:
        yield f"it sends {len(outcome.home)} requests for one call"
    if len(outcome.home) + len(outcome.elsewhere) > len(outcome.passed) - len(outcome.refusals):
        yield "a request went past the transport"
    for seen in (*outcome.home, *outcome.elsewhere):
        yield from wrong_in(bench, seen, key)


def wrong_in(bench: Bench, seen: Seen, key: Canary) -> Iterator[str]:
    """Yield what is wrong with a request that arrived."""
    name = AUTH_HEADERS[bench.adapter.auth]
    if key.text not in (seen.header(name) or ""):
        yield f"a request doesn't carry the key of its ticket in header {name!r}"
    if seen.header("x-title") is None:
        yield "it drops the headers of its spec"
    if seen.header("cookie") is not None:
        yield "it sends a cookie"
    whole = f"{seen.target} {seen.headers} {seen.body!r}"
    if TICKET_HEADER in whole or KEY_IS_ATTACHED_BY_THE_TRANSPORT in whole:
        yield "the ticket or the marker for the key leaves the process"
    for exhibit in parts_of(seen, bench.home.origin):
        yield from (str(found) for found in search(exhibit, "the wire", [key, *bench.planted]))


def keeps_no_ticket(bench: Bench) -> Iterator[str]:
    """Yield what is wrong with calls under different keys, one after the other and at once."""
    client = bench.build()
    for way in WAYS:
        for name in ("ada's key", "eve's key"):
            key = bench.key(name)
            outcome = bench.ask(client, way, key)
            yield from (f"{way}: {what}" for what in wrong_with(bench, outcome, key))
    mark = len(bench.home.received)
    keys = [bench.key(f"the key of user {number}") for number in range(TOGETHER)]
    with ThreadPoolExecutor(TOGETHER) as threads:
        list(threads.map(lambda key: bench.ask(client, "invoke", key), keys))
    for key in keys:
        mine = [seen for seen in bench.home.received[mark:] if f"[{key.name}]" in seen.body.decode()]
        if [key.text in str(seen.headers) for seen in mine] != [True]:
            yield "calls at the same time mix their keys up"


def never_retries(bench: Bench) -> Iterator[str]:
    """Yield the failures after which it asks again, and those that it takes for answers."""
    client = bench.build()
    for name, reply in FAILURES.items():
        bench.home.reply = lambda _, reply=reply: reply  # type: ignore[misc]
        for way in WAYS:
            outcome = bench.ask(client, way)
            if len(outcome.passed) > 1:
                yield f"{way}: it asks {len(outcome.passed)} times after {name}: retries are the plan's"
            if outcome.error is None:
                yield f"{way}: it takes {name} for an answer"


def follows_no_redirect(bench: Bench) -> Iterator[str]:
    """Yield the redirects that it follows."""
    client = bench.build()
    for status in (302, 307, 308):
        for origin in (bench.home.origin, bench.elsewhere.origin):
            reply = Reply(b"", status, {"location": f"{origin}/another/place"})
            bench.home.reply = lambda _, reply=reply: reply  # type: ignore[misc]
            for way in WAYS:
                outcome = bench.ask(client, way)
                if len(outcome.passed) > 1 or len(outcome.home) > 1 or outcome.elsewhere:
                    yield f"{way}: it follows a redirect (HTTP {status})"


def keeps_no_cookie(bench: Bench) -> Iterator[str]:
    """Yield the ways of asking in which one user's cookie comes back with the next user's call."""
    client = bench.build()
    bench.home.reply = lambda seen: with_cookie(bench.reply(seen))
    for way in WAYS:
        for name in ("ada's key", "eve's key"):
            outcome = bench.ask(client, way, bench.key(name))
            if outcome.refusals or any(seen.header("cookie") for seen in outcome.home):
                yield f"{way}: it sends a cookie back"


def with_cookie(reply: Reply) -> Reply:
    """Return an answer that sets a cookie."""
    return Reply(reply.body, reply.status, {**reply.headers, "set-cookie": "session=ada; Path=/"})
