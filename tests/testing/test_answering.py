"""Features with scripted answers: everything but the answer is real."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, get_args

import pytest
from langchain_core.messages.ai import add_ai_message_chunks

from app.containers import Container
from app.errors import (
    ContentFiltered,
    ContextTooLong,
    FailureClass,
    ForeignScope,
    InvalidRequest,
    KeyRejected,
    MalformedResponse,
    MissingPlatformKey,
    ModelCallFailed,
    PlatformKeyRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RealRequestForbidden,
    ScriptExhausted,
    StreamBroken,
    UnknownFeature,
    UserKeyRejected,
)
from app.folders import Conversation, Folder
from app.llm import InMemoryProfileRepository, RequestScope, request_scope
from app.settings import Settings
from app.testing.scripted.failing import Failing
from app.testing.scripted.features import answering
from tests.llm.services import HONOURS, TABLES

if TYPE_CHECKING:
    from app.llm.routed_model import RoutedChatModel

Parts = Any
"""A container: `Container()` returns a dynamic one, whose attributes no type checker knows."""

FAILURES = sorted(set(get_args(FailureClass)) - {"unknown"})
ADA = RequestScope("ada", {"acme": "sk-ada"})
EVE = RequestScope("eve", {"acme": "sk-eve"})


@pytest.fixture
def container() -> Parts:
    """A product without a single key."""
    return Container(
        settings=Settings(variables={}), profile_repository=InMemoryProfileRepository(TABLES, HONOURS)
    )


@pytest.fixture
def hurried() -> Parts:
    """The same product, whose guard asks once and never again."""
    guard = TABLES["features"]["guard"] | {"attempts": 1}
    tables = TABLES | {"features": TABLES["features"] | {"guard": guard}}
    return Container(
        settings=Settings(variables={}), profile_repository=InMemoryProfileRepository(tables, HONOURS)
    )


def llm(container: Parts, feature: str, **wishes: Any) -> RoutedChatModel:
    model: RoutedChatModel = container.llm_service().get_llm(feature, **wishes)
    return model


def test_a_feature_answers_by_its_script_without_a_key(container: Parts) -> None:
    with answering(container, guard=["first", "second"]) as scripts:
        model = llm(container, "guard")
        assert [model.invoke("Is it safe?").text, model.invoke("And this?").text] == ["first", "second"]
        assert [call.prompt for call in scripts["guard"].calls] == ["Is it safe?", "And this?"]
        with pytest.raises(ScriptExhausted, match="'guard' has 2 answers"):
            model.invoke("And that?")
    with pytest.raises(MissingPlatformKey):
        llm(container, "guard")


async def test_everything_but_the_answer_is_real(container: Parts) -> None:
    with answering(container, summary="In short."):
        service = container.llm_service()
        model = service.get_llm("summary", scope=ADA, cache_key="k")
        answer = await model.ainvoke("A long story.")
        stamp = answer.response_metadata["pointsman"]
        assert (stamp["provider"], stamp["model"], stamp["payer"]) == ("acme", "swift-2", "user")
        assert service.plan("summary", ADA).first.payer == "user"
        assert "swift-2" in str(service.explain("summary", ADA))
        assert service.explain("summary").error is None
        assert ("temperature", 0.7) in service.plan("summary").first.spec.options
        with request_scope(EVE), pytest.raises(ForeignScope):
            model.invoke("A long story.")


def test_features_with_the_same_spec_answer_differently(container: Parts) -> None:
    pinned = {"guard": {"provider": "acme", "model": "swift-1"}}
    container.profile_repository.override(InMemoryProfileRepository(TABLES | {"pinned": pinned}, HONOURS))
    with answering(container, guard="the guard's", coach="the coach's"):
        service = container.llm_service()
        guard, coach = service.get_llm("guard"), service.get_llm("coach", scope=ADA)
        assert service.get_model("guard") == service.get_model("coach") == "swift-1"
        assert [guard.invoke("?").text, coach.invoke("?").text] == ["the guard's", "the coach's"]


def test_what_a_caller_wishes_reaches_the_script(container: Parts) -> None:
    schema = {
        "title": "Place",
        "description": "Where",
        "type": "object",
        "properties": {"town": {"type": "string"}},
    }
    with answering(container, {"guard": {"town": "Ulm"}}) as scripts:
        model = llm(container, "guard", cache_key="group-1")
        assert model.with_structured_output(schema).invoke("Where?") == {"town": "Ulm"}
        call = scripts["guard"].calls[0]
        assert (call.forced_tool, call.arguments["cache_key"]) == ("Place", "group-1")
        assert add_ai_message_chunks(*model.stream("Where?")).usage_metadata is not None


def test_other_features_stay_as_they_are(container: Parts) -> None:
    with answering(container, guard="safe"):
        with pytest.raises(MissingPlatformKey, match="NOVA_API_KEY"):
            llm(container, "chat")
        assert container.llm_service().explain("chat").error is not None
        assert container.llm_service().plan("coach", ADA).first.payer == "user"


def test_other_features_can_be_refused(container: Parts) -> None:
    with answering(container, guard="safe", refuse_others=True):
        with pytest.raises(RealRequestForbidden, match=r"'chat' has no script: .*chat=\.\.\."):
            llm(container, "chat")
        with pytest.raises(UnknownFeature):
            llm(container, "chatt")


def test_a_script_for_an_unknown_feature_is_an_error(container: Parts) -> None:
    with pytest.raises(UnknownFeature, match="did you mean 'guard'"), answering(container, gard="safe"):
        pass


def test_scripts_can_be_nested(container: Parts) -> None:
    with answering(container, guard="outer", coach="outer"):
        with answering(container, guard="inner"):
            assert llm(container, "guard").invoke("?").text == "inner"
            assert llm(container, "coach", scope=ADA).invoke("?").text == "outer"
        assert llm(container, "guard").invoke("?").text == "outer"


def test_a_nested_block_lifts_no_refusal(container: Parts) -> None:
    with answering(container, guard="outer", refuse_others=True):
        with answering(container, coach="inner"), pytest.raises(RealRequestForbidden):
            llm(container, "chat", scope=ADA)
        with pytest.raises(RealRequestForbidden):
            llm(container, "coach", scope=ADA)


def test_a_product_that_warms_up_warms_what_may_be_asked(container: Parts) -> None:
    container.settings.override(Settings(variables={"NOVA_API_KEY": "nova-platform"}))
    with answering(container, guard="safe", summary="In short."):
        service = container.llm_service()
        assert service.warm_up(["chat", "guard"]) == ("guard", "chat")
        assert service.warm_up() == ("summary", "guard", "chat")
        assert service.warm_up([]) == ()
    with answering(container, guard="safe", refuse_others=True):
        assert container.llm_service().warm_up() == ("guard",)
        with pytest.raises(UnknownFeature):
            container.llm_service().warm_up(["gard"])
    assert len(container.client_cache()) == 1, "chat's client: none for a script"


def test_seams_that_are_overridden_later_are_seen(container: Parts) -> None:
    heard: list[str] = []

    def heard_of(feature: str) -> tuple[()]:
        heard.append(feature)
        return ()

    with answering(container, guard="safe"):
        llm(container, "guard")
        with container.callbacks.override(heard_of):
            llm(container, "guard").invoke("?")
        container.settings.override(Settings(model_qos="byok", variables={}))
        assert llm(container, "guard").qos_profile == "byok"
    assert heard == ["guard"]


def test_a_whole_product_runs_on_scripts() -> None:
    container: Any = Container(settings=Settings(variables={}))
    folders = [Folder(id="17", name="Travel"), Folder(id="18", name="Work")]
    with answering(container, conv_folder={"folder_id": "f2", "confidence": 0.9}) as scripts:
        result = container.folder_assigner().assign(
            folders, Conversation(title="A meeting", overview="Plans")
        )
    assert (result.folder_id, result.status) == ("18", "accepted")
    assert "A meeting" in scripts["conv_folder"].calls[0].prompt


def test_nothing_is_launched_for_a_scripted_feature() -> None:
    container: Any = Container(settings=Settings(model_qos="local", variables={}))
    with answering(container, session_titles="Plans"):
        assert container.llm_service().warm_up(["session_titles"]) == ("session_titles",)
        assert llm(container, "session_titles").invoke("?").text == "Plans"


# ------------------------------------------------------------------ failures


@pytest.mark.parametrize("name", sorted(set(FAILURES) - {"stream_broken"}))
async def test_a_scripted_failure_is_the_failure_of_a_real_call(hurried: Parts, name: FailureClass) -> None:
    with answering(hurried, guard=Failing(name)):
        model = llm(hurried, "guard")
        for ask in (lambda: model.ainvoke("?"), lambda: asyncio.to_thread(list, model.stream("?"))):
            with pytest.raises(ModelCallFailed) as caught:
                await ask()
            assert caught.value.failure_class == name
            assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        (RateLimited, RateLimited),
        (KeyRejected, PlatformKeyRejected),
        (ProviderTimeout, ProviderTimeout),
        (ProviderUnavailable, ProviderUnavailable),
        (InvalidRequest, InvalidRequest),
        (ContextTooLong, ContextTooLong),
        (ContentFiltered, ContentFiltered),
        (MalformedResponse, MalformedResponse),
    ],
)
def test_one_of_our_errors_is_scripted_by_its_class(
    hurried: Parts, given: type[Exception], raised: type[Exception]
) -> None:
    with answering(hurried, guard=given), pytest.raises(raised):
        llm(hurried, "guard").invoke("?")


def test_a_users_key_is_refused_as_a_users_key(container: Parts) -> None:
    with answering(container, coach=Failing("auth")), pytest.raises(UserKeyRejected):
        llm(container, "coach", scope=ADA).invoke("?")


def test_a_stream_breaks_after_what_it_said(container: Parts) -> None:
    with answering(container, guard=Failing("stream_broken", after="Once upon ")):
        stream = llm(container, "guard").stream("?")
        with pytest.raises(StreamBroken) as caught:
            list(stream)
    assert caught.value.partial == "Once upon "


def test_what_passes_is_tried_again_as_a_real_call_would_be(container: Parts) -> None:
    with answering(container, guard=[Failing("overloaded"), "safe"]) as scripts:
        assert llm(container, "guard").invoke("?").text == "safe"
    assert len(scripts["guard"].calls) == 2


def test_a_rate_limit_says_when_to_come_back(container: Parts) -> None:
    script = Failing("rate_limited", retry_after_s=30)
    with answering(container, guard=script), pytest.raises(RateLimited) as caught:
        llm(container, "guard").invoke("?")
    assert caught.value.retry_after_s == 30


def test_a_failure_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no failure 'tired'"):
        Failing("tired")  # type: ignore[arg-type]
