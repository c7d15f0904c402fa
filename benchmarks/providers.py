"""A local provider in a process of its own, and a container whose features go there."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.containers import Container, close
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.service import LLMService

KEY = "key-for-a-benchmark"


@contextmanager
def provider(delay_s: float) -> Iterator[str]:
    """Run a server that answers after a delay; the block's value is its origin."""
    command = [sys.executable, "-m", "tests.servers", str(delay_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the server's process has no pipes")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


@contextmanager
def service_at(origin: str) -> Iterator[LLMService]:
    """Make a service whose providers are all at this origin."""
    names = ("OPENAI", "GEMINI", "ANTHROPIC", "PERPLEXITY", "OPENROUTER")
    keys = {f"{name}_API_KEY": KEY for name in names}
    urls = {"OPENAI_BASE_URL": f"{origin}/v1", "GEMINI_BASE_URL": origin}
    container = Container(settings=Settings.model_validate({"variables": keys | urls}))
    try:
        yield container.llm_service()
    finally:
        close(container)


def feature_at(service: LLMService, provider_name: str) -> tuple[str, str]:
    """Return the first feature that goes to this provider, and its model."""
    for name, info in service.get_qos_info()["features"].items():
        if info.get("provider") == provider_name:
            return name, info["model"]
    raise LookupError(f"no feature of the shipped catalog goes to {provider_name}")
