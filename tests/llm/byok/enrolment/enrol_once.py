"""Run in a process of its own: enrol one user many times, and say so. Arguments: database URL, name."""

from __future__ import annotations

import sys

from pydantic import SecretStr

from app.llm.byok.enrolment.fingerprints import Fingerprint
from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys

TIMES = 25


def main(url: str, name: str) -> None:
    store = SqlEnrolledKeys(SecretStr(url))
    store.migrate()
    for number in range(TIMES):
        store.put("ada", f"provider-{number}", Fingerprint("p", name))
        store.put("ada", "contested", Fingerprint("p", name))
    store.close()
    sys.stdout.write(str(len(store_again(url))))


def store_again(url: str) -> dict[str, Fingerprint]:
    store = SqlEnrolledKeys(SecretStr(url))
    found = dict(store.of("ada"))
    store.close()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
