"""R13: a stream begins with its first content, is handed on once, and ends with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from app.llm.clients.patience import Patience
from app.llm.failures import RefusedAnswer, StreamUnfinished
from app.llm.running.hearing import Hearing
from app.llm.running.streams import WholeAnswer
from tests.llm.running.controlled import ControlledClock

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST, LAST = {"hop": 2, "payer": "user"}, {"plan": ["a"], "attempts": [{"hop": 2}]}


def listening(patience: Patience | None = None, *, joins: bool = False) -> Hearing:
    return Hearing(lambda: dict(FIRST), lambda: dict(LAST), patience, joins=joins)


def chunk(content: Any = "", finish: str | None = None, **more: Any) -> ChatGenerationChunk:  # noqa: ANN401 - text or blocks
    info = {"finish_reason": finish} if finish else None
    return ChatGenerationChunk(message=AIMessageChunk(content=content, **more), generation_info=info)


def call(args: str, index: int | None, name: str | None = "look_up") -> ChatGenerationChunk:
    return chunk(tool_call_chunks=[{"name": name, "args": args, "id": None, "index": index}])


def all_of(hearing: Hearing, chunks: Iterable[ChatGenerationChunk]) -> list[ChatGenerationChunk]:
    """Return what is handed on of a stream that ends well."""
    handed = [known for one in chunks for known in hearing.heard(one)]
    return [*handed, *hearing.ended()]


def stamps(chunks: Iterable[ChatGenerationChunk]) -> list[Any]:
    return [one.message.response_metadata.get("pointsman") for one in chunks]


CONTENT = [
    chunk("text"),
    chunk([{"type": "text", "text": "text"}]),
    chunk([{"type": "thinking", "thinking": "hm", "index": 0}]),
    chunk([{"type": "reasoning", "reasoning": "hm"}]),
    chunk(additional_kwargs={"reasoning_content": "hm"}),
    call("", 0),
    chunk([{"type": "image_url", "image_url": "data:image/png;base64,AAAA"}]),
]
SILENT = [
    chunk(),
    chunk([]),
    chunk([{"type": "text", "text": ""}]),
    chunk([{"type": "thinking", "signature": "xyz"}]),
    chunk(usage_metadata={"input_tokens": 3, "output_tokens": 0, "total_tokens": 3}),
    chunk(response_metadata={"model_name": "some"}),
]


@pytest.mark.parametrize("content", CONTENT, ids=range(len(CONTENT)))
def test_R13_chunks_without_content_are_held_back_until_the_first_content(
    content: ChatGenerationChunk,
) -> None:
    hearing = listening()
    for silent in SILENT:
        assert hearing.heard(silent) == ()
    assert (hearing.begun, hearing.partial) == (False, None)
    assert list(hearing.heard(content)) == [*SILENT, content]
    assert hearing.begun


def test_R13_an_end_without_a_finish_reason_is_no_end() -> None:
    for chunks in ([], [chunk("text")], [chunk()]):
        hearing = listening()
        for one in chunks:
            hearing.heard(one)
        with pytest.raises(StreamUnfinished):
            hearing.ended()


def test_an_answer_without_content_is_handed_on_at_its_end() -> None:
    chunks = [chunk(), chunk(finish="stop"), chunk()]
    hearing = listening()
    assert all_of(hearing, chunks) == chunks
    assert (hearing.finish, hearing.partial) == ("stop", "")


def test_a_whole_answer_in_one_chunk_needs_no_finish_reason() -> None:
    hearing = listening()
    assert len(all_of(hearing, [WholeAnswer(message=AIMessageChunk(content="all of it"))])) == 1


def test_a_finish_reason_that_says_there_is_no_answer_is_a_failure() -> None:
    hearing = listening()
    hearing.heard(chunk("Hel"))
    with pytest.raises(RefusedAnswer) as caught:
        hearing.heard(chunk("lo", "content_filter"))
    assert (caught.value.failure_class, hearing.partial) == ("content_filter", "Hel")


def test_R13_content_behind_a_finish_reason_takes_it_back() -> None:
    hearing = listening()
    for one in (chunk("a", "STOP"), chunk("b")):
        hearing.heard(one)
    with pytest.raises(StreamUnfinished):
        hearing.ended()
    hearing.heard(chunk("c", "STOP"))
    assert list(hearing.ended()) == []
    with pytest.raises(RefusedAnswer):
        hearing.heard(chunk("d", "SAFETY"))


def test_the_first_chunk_says_who_serves_and_the_one_with_the_finish_reason_how_it_went() -> None:
    handed = all_of(listening(), [chunk(), chunk("a"), chunk("b", "stop"), chunk("", "stop")])
    assert stamps(handed) == [FIRST, None, LAST, None]
    assert stamps(all_of(listening(), [chunk("all", "stop")])) == [FIRST | LAST]


def test_only_content_renews_the_patience() -> None:
    clock = ControlledClock()
    patience = Patience(clock, connect_s=1.0, first_s=5.0, chunk_s=3.0, ends=clock.now() + 100.0)
    hearing = listening(patience)
    clock.advance(4.0)
    hearing.heard(chunk())
    assert patience.read() == 1.0
    hearing.heard(chunk("a"))
    assert patience.read() == 3.0
    clock.advance(2.0)
    hearing.heard(chunk())
    hearing.heard(chunk(usage_metadata={"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}))
    assert patience.read() == 1.0, "a provider that only keeps the connection alive says nothing"
    hearing.heard(chunk("b"))
    assert patience.read() == 3.0


def test_a_calls_arguments_are_read_when_all_of_them_are_there() -> None:
    hearing = listening()
    for part in (call('{"a": ', 0), call("1}", 0, None), call('{"b"', 1)):
        hearing.heard(part)
    assert hearing.unreadable_call
    hearing.heard(call(": 2}", 1, None))
    assert not hearing.unreadable_call


def test_calls_that_come_whole_and_without_an_index_are_not_taken_for_one() -> None:
    hearing = listening()
    hearing.heard(call('{"a": 1}', None))
    hearing.heard(call('{"b": 2}', None))
    assert not hearing.unreadable_call


def test_the_whole_answer_is_put_together_where_it_is_looked_at() -> None:
    chunks = [chunk(), chunk("a"), chunk("b", "stop")]
    assert listening().whole is None
    hearing = listening(joins=True)
    all_of(hearing, chunks)
    assert hearing.whole is not None
    assert hearing.whole.text == "ab"
    assert hearing.whole.response_metadata["pointsman"] == FIRST | LAST


@given(
    st.lists(st.sampled_from(["content", "silent", "finish"]), max_size=12),
    st.booleans(),
)
def test_R13_what_is_handed_on_is_what_was_said_in_order_and_once(kinds: list[str], joins: bool) -> None:  # noqa: FBT001 - drawn
    made = {
        "content": lambda n: chunk(f"{n} "),
        "silent": lambda n: chunk(),
        "finish": lambda n: chunk("", "stop"),
    }
    said = [made[kind](number) for number, kind in enumerate(kinds)]
    hearing = listening(joins=joins)
    handed: list[ChatGenerationChunk] = []
    for number, one in enumerate(said):
        handed += hearing.heard(one)
        assert bool(handed) == ("content" in kinds[: number + 1])
    if "finish" in "".join(kinds).rpartition("content")[2]:
        handed += hearing.ended()
        assert [id(one) for one in handed] == [id(one) for one in said]
        assert sum(stamp is not None and "plan" in stamp for stamp in stamps(handed)) == 1
    if handed:
        assert hearing.partial == "".join(one.text for one in handed)
        assert sum(stamp is not None and "hop" in stamp for stamp in stamps(handed)) == 1
