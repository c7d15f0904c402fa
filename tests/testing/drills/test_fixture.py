"""The plugin's fixture for drills, in a product's own test session."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]

DRILLING = """
    import pytest
    from app.containers import Container
    from app.llm.byok.resolver import BYOKResolver
    from app.settings import Settings
    from app.testing import Scenario

    pytest_plugins = ["app.testing.plugin"]
    DAY = Scenario(plays=({"faults": ("ok",)},))

    class Wandering(BYOKResolver):
        asked = 0

        def choose(self, catalog, feature, profile, keys):
            self.asked += 1
            other = feature if self.asked == 1 else catalog.feature("web_search")
            return super().choose(catalog, other, profile, keys)

    def container(**parts):
        return Container(settings=Settings(variables={}), **parts)

    def test_fine(drilled):
        assert drilled(container(), features=["fair_use"], scenario=DAY).features == ["fair_use"]

    def test_broken(drilled):
        drilled(container(byok_resolver=Wandering()), features=["fair_use"], scenario=DAY)
"""


def test_a_broken_policy_fails_the_test_and_is_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DRILLING)
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider")
    found = result.parseoutcomes()
    assert (found["passed"], found["failed"]) == (1, 1)
    result.stdout.fnmatch_lines(["*1 call for 1 feature in profile premium: * broken*"])
