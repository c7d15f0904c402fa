"""What every store of enrolled keys holds to: the one in memory and the one in a database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from app.llm.byok.enrolment.fingerprints import Fingerprint

if TYPE_CHECKING:
    from app.llm.byok.enrolment.store import EnrolledKeys

ONE, OTHER, THIRD = (Fingerprint("p", digit * 64) for digit in "123")


def test_a_user_who_enrolled_nothing_has_nothing(store: EnrolledKeys) -> None:
    assert dict(store.of("ada")) == {}


def test_what_was_put_is_found_again_by_user_and_provider(store: EnrolledKeys) -> None:
    store.put("ada", "acme", ONE)
    store.put("ada", "nova", OTHER)
    store.put("eve", "acme", THIRD)
    assert dict(store.of("ada")) == {"acme": ONE, "nova": OTHER}
    assert dict(store.of("eve")) == {"acme": THIRD}


def test_a_second_fingerprint_takes_the_place_of_the_first(store: EnrolledKeys) -> None:
    store.put("ada", "acme", ONE)
    store.put("ada", "acme", Fingerprint("another", OTHER.digest))
    store.put("ada", "acme", OTHER)
    store.put("ada", "acme", OTHER)
    assert dict(store.of("ada")) == {"acme": OTHER}


def test_one_is_replaced_only_if_it_is_still_there(store: EnrolledKeys) -> None:
    store.put("ada", "acme", ONE)
    assert store.replace("ada", "acme", ONE, OTHER)
    assert not store.replace("ada", "acme", ONE, THIRD)
    assert not store.replace("ada", "nova", ONE, THIRD)
    assert not store.replace("eve", "acme", OTHER, THIRD)
    assert not store.replace("ada", "acme", Fingerprint("other", OTHER.digest), THIRD)
    assert (dict(store.of("ada")), dict(store.of("eve"))) == ({"acme": OTHER}, {})


def test_one_is_removed_or_all_of_a_user(store: EnrolledKeys) -> None:
    for provider in ("acme", "nova", "broker"):
        store.put("ada", provider, ONE)
    store.put("eve", "acme", ONE)
    assert store.remove("ada", "nova") == 1
    assert store.remove("ada", "nova") == 0
    assert dict(store.of("ada")) == {"acme": ONE, "broker": ONE}
    assert store.remove("ada") == 2
    assert store.remove("ada") == 0
    assert (dict(store.of("ada")), dict(store.of("eve"))) == ({}, {"acme": ONE})


def test_users_are_told_apart_to_the_letter(store: EnrolledKeys) -> None:
    ids = ["ada", "Ada", "ada ", " ada", "adá", "a%", "a_a", "'; DROP TABLE keys; --", "用户"]
    for number, user in enumerate(ids):
        store.put(user, "acme", Fingerprint("p", str(number)))
    assert [store.of(user)["acme"].digest for user in ids] == [str(number) for number in range(len(ids))]
    assert store.remove("a%") == 1
    assert store.of("ada")


def test_what_was_read_doesnt_change_afterwards(store: EnrolledKeys) -> None:
    store.put("ada", "acme", ONE)
    before = store.of("ada")
    store.remove("ada")
    assert dict(before) == {"acme": ONE}


def test_threads_may_write_at_the_same_time(store: EnrolledKeys) -> None:
    def enrol(number: int) -> None:
        store.put(f"user-{number % 5}", f"provider-{number % 3}", Fingerprint("p", str(number)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enrol, range(60)))
    assert {len(store.of(f"user-{number}")) for number in range(5)} == {3}


def test_closing_twice_is_no_error(store: EnrolledKeys) -> None:
    store.of("ada")
    store.close()
    store.close()
