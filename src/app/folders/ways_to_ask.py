"""The ways to put the question, by the name that a route's `ask` gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.folders.scoring import ScoredChoice
from app.folders.written_choice import WrittenChoice

if TYPE_CHECKING:
    from app.folders.asking import Asker
    from app.llm.catalog.rows import Ask


def ways_to_ask() -> dict[Ask, Asker]:
    """Return one asker for each way, made to last: each keeps what is the same for all questions."""
    return {"generate": WrittenChoice(), "score": ScoredChoice()}
