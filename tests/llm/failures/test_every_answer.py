"""One test a row: what a provider answers, over its real SDK, in all four ways to call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.llm.failures.calling import ADA, WAYS, failure_of
from tests.llm.failures.rows import EVERYWHERE

if TYPE_CHECKING:
    from app.llm import LLMService
    from tests.llm.failures.rows import Row
    from tests.servers.running import RunningServer


@pytest.mark.parametrize("row", EVERYWHERE, ids=str)
async def test_R12_an_answer_becomes_the_error_that_its_status_and_code_say(
    row: Row, provider: RunningServer, service: LLMService
) -> None:
    provider.script = lambda _: row.answer
    for way in WAYS:
        error = await failure_of(service, row.protocol, way, ADA)
        assert type(error) is row.kind, f"{way}: {error!r}"
        assert {name: getattr(error, name) for name in row.fields} == row.fields, way
        assert (error.provider, error.payer, error.feature) == (row.protocol, "user", row.protocol)
        assert (error.__cause__, error.__context__) == (None, None)
