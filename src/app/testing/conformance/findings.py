"""What the check of an adapter found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an adapter does and may not do: found by which check, in which way of asking."""

    check: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}"


class AdapterMisbehaves(AssertionError):
    """An adapter can't be trusted with keys, or doesn't do what it says. `findings` are all there are.

    It is a test's verdict and no failure of the layer, so an AssertionError and no PointsmanError.
    """

    def __init__(self, adapter: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([f"adapter {adapter!r}:", *(f"  {finding}" for finding in findings)]))
