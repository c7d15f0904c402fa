"""LangChain's standard suites, on what `get_llm` returns. Each adapter's tests say what its model can do."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from pydantic import BaseModel

from app.errors import ModelDetached
from app.llm.routed_model import RoutedChatModel
from tests.standard.handed_out import OTHER_MODEL, OTHER_PROFILE, FailingHop, HandedOut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage

    from tests.servers.running import RunningServer


class Place(BaseModel):
    """Where something is."""

    town: str
    houses: int


class Adapter:
    """What is under test: a protocol, a provider that speaks it, and that provider's key."""

    protocol: ClassVar[str]
    provider: ClassVar[str]
    key: ClassVar[str]
    path: ClassVar[str] = ""
    """What the provider's base URL ends with."""
    circuit: ClassVar[Any] = "off"
    """What is said of the circuits of all providers."""

    handed_out: HandedOut
    base_url: str

    @pytest.fixture
    def before(self) -> tuple[FailingHop, ...]:
        """The hops that are asked first, and fail."""
        return ()

    @pytest.fixture(autouse=True)
    def _models(self, providers: RunningServer, before: tuple[FailingHop, ...]) -> Iterator[None]:
        self.handed_out = HandedOut(self.protocol, self.provider, before, self.circuit)
        self.base_url = providers.origin + self.path
        yield
        self.handed_out.close()

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return cast("type[BaseChatModel]", self.handed_out)


class UnitSuite(Adapter, ChatModelUnitTests):
    """LangChain's unit tests: how a model is made, described and bound. Nobody is asked."""

    @pytest.fixture(autouse=True)
    def _known_to_langchain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # The suite loads with allowed_objects="all", which means the classes of LangChain's own table, and no
        # other package's. An application names the class instead, as the test below does.
        loading = import_module("langchain_core.load.load")
        path = tuple(RoutedChatModel.lc_id())
        monkeypatch.setitem(loading.ALL_SERIALIZABLE_MAPPINGS, path, path)
        monkeypatch.setattr(loading, "_default_class_paths_cache", {})

    @pytest.mark.filterwarnings("ignore:The function `load` is in beta")
    def test_what_is_loaded_describes_the_model_and_is_detached_from_it(self, model: BaseChatModel) -> None:
        loaded = load(dumpd(model), allowed_objects=[RoutedChatModel], valid_namespaces=["app"])
        assert loaded.asdict() == model.asdict()
        with pytest.raises(ModelDetached):
            loaded.invoke("Hello")

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"api_key": self.key}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        name = self.provider.upper()
        environment = {
            f"{name}_API_KEY": self.key,
            f"{name}_BASE_URL": self.base_url,
            "MODEL_QOS": OTHER_PROFILE,
            **self.handed_out.variables_before,
        }
        return (
            environment,
            {},
            {"qos_profile": OTHER_PROFILE, "model": OTHER_MODEL, "provider": self.handed_out.first},
        )


# The suite's own measurement needs a recording to take place; without one the stream runs once, for real.
@pytest.mark.filterwarnings(
    "ignore:Benchmark fixture was not used:pytest_benchmark.logger.PytestBenchmarkWarning"
)
class IntegrationSuite(Adapter, ChatModelIntegrationTests):
    """LangChain's integration tests: each asks the provider's server, over the provider's SDK."""

    usage_details: ClassVar[tuple[str, ...]]
    """What an answer's usage counts beside the totals."""

    @pytest.fixture(autouse=True)
    def _downloads_stay_here(self, downloads: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in downloads.items():
            monkeypatch.setenv(name, value)

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"api_key": self.key, "base_url": self.base_url}

    @property
    def model_override_value(self) -> str:
        return "the-caller-s-own-choice"

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> dict[Any, Any]:
        return {"invoke": list(self.usage_details), "stream": list(self.usage_details)}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self._asked(stream=stream)

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        return self._asked(stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._asked(stream=stream)

    def _asked(self, *, stream: bool = False, **params: Any) -> AIMessage:
        model = self.chat_model_class(**self.chat_model_params, **params)
        if not stream:
            return model.invoke("Hello")
        return add_ai_message_chunks(*model.stream("Hello"))

    def test_the_catalog_s_options_reach_the_model(self) -> None:
        whole = self._asked().text
        assert " are " in whole
        assert self._asked(stop=["how"]).text == whole.partition("how")[0]
        assert self._asked(max_tokens=2).text.split() == whole.split()[:2]

    @pytest.mark.parametrize("method", ["json_schema", "function_calling"])
    async def test_each_method_of_structured_output_works_in_every_way_of_asking(
        self, model: BaseChatModel, method: str
    ) -> None:
        chain = model.with_structured_output(Place, method=method)
        question = "There are 3 houses in 'Überlingen'."
        place = Place(town="Überlingen", houses=3)
        assert chain.invoke(question) == place
        assert await chain.ainvoke(question) == place
        assert list(chain.stream(question))[-1] == place
        assert [part async for part in chain.astream(question)][-1] == place

    async def test_structured_output_brings_the_raw_answer_where_it_is_asked_for(
        self, model: BaseChatModel
    ) -> None:
        chain = model.with_structured_output(Place, include_raw=True)
        answer = await chain.ainvoke("There is 1 house in 'Ulm'.")
        assert isinstance(answer, dict)
        assert answer["parsed"] == Place(town="Ulm", houses=1)
        assert answer["parsing_error"] is None
        assert answer["raw"].usage_metadata is not None
