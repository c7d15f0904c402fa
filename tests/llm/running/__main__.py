"""`python -m tests.llm.running [EXAMPLES]`: the model of the table, played so often (2000 times)."""

from __future__ import annotations

import sys
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.llm.running.test_model_of_the_table import CallsOfOnePlan

COUNTED: Counter[str] = Counter()


class Counted(CallsOfOnePlan):
    """The same machine, whose calls are counted."""

    def teardown(self) -> None:
        COUNTED.update(self.endings)
        super().teardown()


def main(examples: int) -> None:
    """Play, and print how many calls ended how."""
    often = settings(
        max_examples=examples,
        stateful_step_count=10,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Counted, settings=often)
    print(f"{sum(COUNTED.values())} calls: {dict(COUNTED)}")  # noqa: T201 - a command's result


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
