"""What it costs to be handed a model."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.llm import RequestScope
from benchmarks.measuring import Row, cpu_each, in_turn
from benchmarks.providers import KEY, feature_at, service_at

if TYPE_CHECKING:
    from collections.abc import Iterator

NOWHERE = "http://127.0.0.1:9"
ROUNDS = 9
USERS = 200
PLATFORM_AIM_US = 15
USER_AIM_US = 25


def rows() -> Iterator[Row]:
    """Measure a warm `get_llm` for the platform and for users, against constructing a ChatOpenAI."""
    from langchain_openai import ChatOpenAI

    with service_at(NOWHERE) as service:
        feature, model = feature_at(service, "openai")
        scopes = cycle(RequestScope(user_id=f"u{n}", keys={"openai": f"{KEY}-{n}"}) for n in range(USERS))
        key = SecretStr(KEY)
        cost = in_turn(
            {
                "platform": lambda: cpu_each(lambda: service.get_llm(feature), 2000),
                "user": lambda: cpu_each(lambda: service.get_llm(feature, scope=next(scopes)), 2000),
                "ChatOpenAI": lambda: cpu_each(lambda: ChatOpenAI(model_name=model, openai_api_key=key), 30),
            },
            ROUNDS,
        )
    reference = cost["ChatOpenAI"]
    for name, aim in (("platform", PLATFORM_AIM_US), ("user", USER_AIM_US)):
        title = f"warm get_llm, {name} pays"
        yield Row(title, cost[name], reference, "us", "constructing ChatOpenAI", aim, aim_is_for_ratio=False)
