"""How a script that forks while it has threads is run: from Python 3.12 on, Python says a word about that."""

from __future__ import annotations

FORKS_WITH_THREADS = ("-W", "ignore:This process:DeprecationWarning")
