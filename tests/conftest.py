"""What holds for every test: nothing of the machine's own configuration reaches it, nor its speed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

CONFIGURATION = re.compile(
    r".*_(API_KEY|API_BASE|BASE_URL)|(ALL|HTTPS?|NO)_PROXY|MODEL_QOS|USE_VERTEX_AI"
    r"|(ANTHROPIC|GCP|GOOGLE|LANGCHAIN|LANGSMITH|OPENAI|POINTSMAN)_.*",
    re.IGNORECASE,
)


@pytest.fixture(autouse=True)
def _no_configuration_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(os.environ)  # noqa: TID251 - to clear what the layer or an SDK would read
    for name in filter(CONFIGURATION.fullmatch, names):
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def project_root() -> Path:
    return Path(__file__).resolve().parents[1]
