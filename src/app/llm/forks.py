"""What a forked child must not share with its parent.

A child of `os.fork` inherits locks that threads of its parent hold, and none of those threads, so nobody ever
lets go of them. It inherits connections too, on which two processes would mix up the answers of their users.
"""

from __future__ import annotations

import os
import sys
from typing import Protocol
from weakref import WeakSet


class Renewed(Protocol):
    """A part that makes itself anew in a forked child."""

    def renew(self) -> None:
        """Leave to the parent what is the parent's. It runs before anything else does in the child."""
        ...


# The interpreter keeps what is registered with it for ever: so it is one handler, which keeps nothing alive.
_RENEWED: WeakSet[Renewed] = WeakSet()


def renew_in_children(part: Renewed) -> None:
    """Have a part renewed in every child that this process forks, for as long as the part lives."""
    _RENEWED.add(part)


def _renew_all() -> None:
    for part in list(_RENEWED):
        part.renew()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_all)
