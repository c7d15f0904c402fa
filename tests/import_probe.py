"""Run in a fresh process: import the named modules and print, as JSON, what that did.

`modules` are all that were loaded, `socket_events` the audit events about sockets. `environment_reads` are
the variables that the package `app` read, itself or through a library that it called. What a library reads
while it is itself imported is the library's own affair: a read is ours if no other import began between it
and the frame of `app` that led to it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def read_by_us() -> bool:
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to one's caller
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] == "app":
            return True
        if name.startswith("importlib."):
            return False
        frame = frame.f_back
    return False


class WatchedEnvironment(MutableMapping[str, str]):
    """The process's environment, which remembers the names that `app` asked it for."""

    def __init__(self, real: MutableMapping[str, str]) -> None:
        self.real = real
        self.reads: list[str] = []

    def __getitem__(self, name: str) -> str:
        if read_by_us():
            self.reads.append(name)
        return self.real[name]

    def __iter__(self) -> Iterator[str]:
        if read_by_us():
            self.reads.append("*")
        return iter(self.real)

    def __setitem__(self, name: str, value: str) -> None:
        self.real[name] = value

    def __delitem__(self, name: str) -> None:
        del self.real[name]

    def __len__(self) -> int:
        return len(self.real)


def main(names: list[str]) -> None:
    watched = WatchedEnvironment(os.environ)  # noqa: TID251 - this script is the watcher
    os.environ = watched  # type: ignore[assignment] # noqa: TID251, B003 - as above
    socket_events: list[str] = []
    sys.addaudithook(lambda event, _: socket_events.append(event) if event.startswith("socket.") else None)
    for name in names:
        importlib.import_module(name)
    modules = sorted(sys.modules)  # noqa: TID251 - read, never changed
    report = {"modules": modules, "socket_events": socket_events, "environment_reads": watched.reads}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
