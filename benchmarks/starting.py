"""What it costs to start: CPU time of fresh processes."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measuring import Row, in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
# dependency_injector imports FastAPI where it is installed (0.1 s): among our development tools only.
WITHOUT_FASTAPI = """
import sys
class NoFastAPI:
    def find_spec(self, name, path=None, target=None):
        if name == "fastapi":
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, NoFastAPI())
"""
REPORT = "\nimport time; print(time.process_time() * 1000)"
LIBRARIES_ALONE = "import dependency_injector.containers, dependency_injector.providers, pydantic_settings"
CONTAINERS = "import app.containers"
BARE_MODEL = """
from langchain_openai import ChatOpenAI
ChatOpenAI(model="gpt-4.1-mini", api_key="k", base_url="http://127.0.0.1:9/v1")
"""
OUR_MODEL = """
from benchmarks.providers import feature_at, service_at
with service_at("http://127.0.0.1:9") as service:
    feature, _ = feature_at(service, "openai")
    service.warm_up([feature])
    service.get_llm(feature)
"""
FIRST_MODEL_AIM = 1.10
IMPORT_AIM = 1.5


def rows() -> Iterator[Row]:
    """Measure importing the container, and getting the first OpenAI model."""
    pairs = (
        ("import app.containers", CONTAINERS, LIBRARIES_ALONE, "its two libraries", IMPORT_AIM),
        ("first OpenAI model of a process", OUR_MODEL, BARE_MODEL, "langchain_openai alone", FIRST_MODEL_AIM),
    )
    for name, ours, theirs, reference_name, aim in pairs:
        for code in (ours, theirs):
            cpu_ms(code)  # compiles what isn't compiled yet
        cost = in_turn({"ours": partial(cpu_ms, ours), "theirs": partial(cpu_ms, theirs)}, ROUNDS)
        yield Row(name, cost["ours"], cost["theirs"], "ms", reference_name, aim)


def cpu_ms(code: str) -> float:
    """Return the CPU time in milliseconds of a fresh process that runs this code."""
    command = [sys.executable, "-c", WITHOUT_FASTAPI + code + REPORT]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return float(finished.stdout.splitlines()[-1])
