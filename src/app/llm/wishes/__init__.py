"""What a caller wishes beyond messages: kept as given, and rendered by each hop in its own provider's way."""

from __future__ import annotations

from app.llm.wishes.rendering import check, parser_of, render
from app.llm.wishes.structured import StructuredWish
from app.llm.wishes.tools import BoundTools

__all__ = ["BoundTools", "StructuredWish", "check", "parser_of", "render"]
