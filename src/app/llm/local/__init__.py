"""The embedded model: a real small chat model behind an OpenAI-compatible server, in this process."""

from __future__ import annotations

from app.llm.local.server import MODEL_NAME, EmbeddedServer
from app.llm.local.weights import find_weights

__all__ = ["MODEL_NAME", "EmbeddedServer", "find_weights"]
