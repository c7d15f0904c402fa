"""What the fault server is made of: its clock, its reading of requests, and its values for schemas."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from app.testing.faults.asked import asked_of
from app.testing.faults.clock import FastClock
from app.testing.faults.instances import instance_of
from app.testing.faults.meanings import MEANS
from app.testing.faults.table import FAULTS, OK, TABLE
from app.testing.servers import Seen

BOTH = {name: {"properties": {name: {}}, "required": [name]} for name in ("a", "b")}


class Leaf(BaseModel):
    name: str = Field(min_length=9, max_length=10)
    kind: str | None
    others: list[Leaf]


class Tree(BaseModel):
    leaf: Leaf
    count: int = Field(gt=4)
    share: float = Field(gt=0, lt=1)
    below: float = Field(lt=-2)
    even: int = Field(multiple_of=2, ge=3)
    choice: bool
    day: str = Field(json_schema_extra={"format": "date"})
    tags: list[str] = Field(min_length=2)


def test_an_instance_satisfies_the_schema_of_a_model() -> None:
    tree = Tree.model_validate(instance_of(Tree.model_json_schema()))
    assert tree.even == 4
    assert tree.day == "2026-01-01"
    assert len(tree.tags) == 2


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, "answer"),
        ({"const": 7}, 7),
        ({"enum": ["f1", "f2"]}, "f1"),
        ({"type": "STRING"}, "answer"),
        ({"type": ["null", "string"]}, None),
        ({"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}, "required": ["a"]}, {"a": 0}),
        ({"allOf": [BOTH["a"], BOTH["b"]]},
         {"a": "answer", "b": "answer"}),
        ({"allOf": [{"type": "integer"}], "minimum": 3}, 3),
        ({"type": "number", "maximum": -5}, -5.0),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"const": 1}}}, 1),
        ({"$ref": "#/nowhere"}, None),
    ],
)  # fmt: skip
def test_small_schemas_have_small_instances(schema: dict[str, Any], value: object) -> None:
    assert instance_of(schema) == value


@given(least=st.integers(-50, 50), room=st.integers(2, 60), step=st.sampled_from([None, 1, 2]))
def test_a_number_is_within_its_bounds(least: int, room: int, step: int | None) -> None:
    schema = {"type": "integer", "exclusiveMinimum": least, "exclusiveMaximum": least + room + 2}
    value = instance_of(schema if step is None else schema | {"multipleOf": step})
    assert least < value < least + room + 2
    assert step is None or value % step == 0


def test_an_endless_schema_ends() -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert TypeAdapter(dict[str, Any]).validate_python(instance_of(endless))


# ---------------------------------------------------------------- the clock


def test_the_clock_gains_in_waits_only() -> None:
    clock = FastClock(1000.0)
    before = clock.now()
    clock.sleep(20.0)
    slept = clock.now()
    assert slept - before >= 20.0
    assert clock.real(20.0) == 0.02
    assert clock.unix() > slept


async def test_a_task_sleeps_on_the_same_clock() -> None:
    clock = FastClock(1000.0)
    before = clock.now()
    await clock.asleep(5.0)
    assert clock.now() - before >= 5.0


def test_waits_at_the_same_time_count_once() -> None:
    clock, apart = FastClock(1000.0), FastClock(1000.0)
    threads = [threading.Thread(target=clock.sleep, args=[100.0]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        apart.sleep(100.0)
    assert 100.0 <= clock.now() < apart.now()


def test_the_clock_runs_fast_up_to_a_moment_only() -> None:
    clock, without = FastClock(1000.0), FastClock(1000.0)
    clock.fast_until = 10.0
    for one in (clock, without):
        one.sleep(50.0)
    assert 10.0 <= clock.now() < 50.0 <= without.now()
    clock.sleep(50.0)
    assert clock.now() < 50.0


# ---------------------------------------------------------------- what is asked


def seen(target: str, body: object, method: str = "POST", **headers: str) -> Seen:
    return Seen(method, target, tuple(headers.items()), json.dumps(body).encode())


def test_json_without_a_schema_is_a_wish_too() -> None:
    for target, body in (
        ("/v1/chat/completions", {"model": "m", "response_format": {"type": "json_object"}}),
        ("/m:generateContent", {"generationConfig": {"responseMimeType": "application/json"}}),
    ):
        asked = asked_of(seen(target, body), "acme", 0.0)
        assert asked is not None
        assert (asked.wish.kind, asked.wish.schema, asked.model) == ("json", {}, "m")


def test_a_tool_that_nobody_described_can_be_forced() -> None:
    body = {"model": "m", "tool_choice": {"type": "tool", "name": "one"}, "tools": []}
    asked = asked_of(seen("/v1/messages", body, **{"x-api-key": "k"}), "acme", 0.0)
    assert asked is not None
    assert (asked.wish.kind, asked.wish.tool, asked.key) == ("tool", "one", "k")


@pytest.mark.parametrize("body", [[], "text", 3])
def test_a_body_that_is_no_object_asks_nothing(body: object) -> None:
    assert asked_of(seen("/v1/messages", body), "acme", 0.0) is None


def test_the_table_names_each_fault_once_and_says_what_it_is() -> None:
    assert len(FAULTS) == len(TABLE)
    assert set(FAULTS) - set(MEANS) == {OK}
    assert set(MEANS) <= set(FAULTS)
    assert all(fault.about for fault in TABLE)
