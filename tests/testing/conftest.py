"""What the tests of a product's test kit share."""

from __future__ import annotations

from tests.servers.fixtures import transport

__all__ = ["transport"]
