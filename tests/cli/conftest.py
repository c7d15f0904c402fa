"""What the tests of the command line share."""

from __future__ import annotations

import pytest

from tests.cli.commands import KEYS


@pytest.fixture
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
