"""The plugin, in a product's own test session."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

ASKING = """
    import pytest
    from app.containers import Container
    from app.errors import RealRequestForbidden
    from app.settings import Settings

    def ask():
        settings = Settings(variables={"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": "http://127.0.0.1:9"})
        Container(settings=settings).llm_service().get_llm("fair_use").invoke("?")

    def forbidden():
        with pytest.raises(RealRequestForbidden):
            ask()

    def allowed():
        with pytest.raises(Exception) as caught:
            ask()
        assert not isinstance(caught.value, RealRequestForbidden)
"""
LEAKING = """
    import logging, sys, warnings
    import pytest

    WAYS = {
        "output": print,
        "errors": lambda text: print(text, file=sys.stderr),
        "log": logging.getLogger("a.package").debug,
        "warning": warnings.warn,
    }

    @pytest.fixture(params=WAYS)
    def leak(request, leak_kit):
        secret, says = leak_kit.key("ada's key").text, (lambda text: WAYS[request.param](text))
        def leak(when):
            if request.node.originalname == f"test_{when}":
                says(secret)
        leak("setup")
        yield leak
        leak("teardown")

    def test_setup(leak): pass
    def test_call(leak): leak("call")
    def test_teardown(leak): pass
    def test_nothing(leak): pass
"""
MARKED = """
    from asking import *

    def test_plain(): allowed()
    def test_fixture(forbid_real_requests): forbidden()
    @pytest.mark.forbid_real_requests
    def test_marker(): forbidden()
    @pytest.mark.forbid_real_requests(allow_loopback=True)
    def test_loopback(): allowed()
"""
SET = """
    from asking import *

    def test_plain(): forbidden()
    @pytest.mark.real_requests
    def test_excepted(): allowed()
"""


@pytest.fixture
def product(pytester: pytest.Pytester) -> pytest.Pytester:
    """A product that names the plugin in its conftest, as a product does."""
    pytester.makeconftest('pytest_plugins = ["app.testing.plugin"]')
    pytester.makepyfile(asking=ASKING)
    return pytester


def outcome(product: pytest.Pytester, tests: str, *options: str) -> dict[str, int]:
    # In this process, pytester would forget the SDKs that its run imports: the next test had them twice.
    product.makepyfile(tests)
    result = product.runpytest_subprocess("--strict-markers", "-p", "no:randomly", *options)
    return {name: count for name, count in result.parseoutcomes().items() if name != "warnings"}


def test_the_fixture_and_the_marker_forbid_real_requests(product: pytest.Pytester) -> None:
    assert outcome(product, MARKED) == {"passed": 4}


def test_the_setting_forbids_them_in_every_test_but_the_excepted(product: pytest.Pytester) -> None:
    assert outcome(product, SET, "--override-ini=pointsman_forbid_real_requests=all") == {"passed": 2}


def test_a_setting_that_says_nothing_is_an_error(pytester: pytest.Pytester) -> None:
    with pytest.raises(pytest.UsageError, match="'maybe': it can be 'all', 'loopback' or 'no'"):
        pytester.parseconfigure(
            *("-p", "no:asyncio", "-p", "app.testing.plugin"),
            "--override-ini=pointsman_forbid_real_requests=maybe",
        )


def test_the_leak_kit_sees_what_leaks_in_each_phase_of_a_test(product: pytest.Pytester) -> None:
    assert outcome(product, LEAKING, "--log-level=INFO") == {"passed": 16, "errors": 12}
