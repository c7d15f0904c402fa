"""Every exception class of the SDKs and of what they stand on is known, or named here with the reason."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from app.llm.failures import classify

if TYPE_CHECKING:
    from types import ModuleType

MODULES = (
    "openai",
    "openai._response",
    "anthropic",
    "anthropic._response",
    "google.genai.errors",
    "google.genai._api_client",
    "google.auth.exceptions",
    "langchain_core.exceptions",
    "langchain_openai.chat_models.base",
    "langchain_anthropic.chat_models",
    "langchain_google_genai.chat_models",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "h11",
    "anyio",
    "aiohttp",
    "aiohttp.http_exceptions",
    "aiohttp.streams",
    "json",
    "asyncio",
    "concurrent.futures",
    "socket",
    "ssl",
)
PACKAGES = frozenset(name.partition(".")[0] for name in MODULES)
SAYS_NOTHING = "a root: what is raised is one of its kinds, or carries a status or a body"
NEVER_OF_A_CALL = "no call of a chat model raises it"
OF_THE_CALLER = "the SDK was used wrongly: nothing was sent"
UNKNOWN = {
    "openai.OpenAIError": SAYS_NOTHING,
    "openai.APIError": SAYS_NOTHING,
    "openai.APIStatusError": SAYS_NOTHING,
    "openai.WebSocketQueueFullError": NEVER_OF_A_CALL,
    "openai._AmbiguousModuleClientUsageError": OF_THE_CALLER,
    "anthropic.AnthropicError": SAYS_NOTHING,
    "anthropic.APIError": SAYS_NOTHING,
    "anthropic.APIStatusError": SAYS_NOTHING,
    "anthropic.APIWebhookValidationError": NEVER_OF_A_CALL,
    "anthropic.RetryableError": NEVER_OF_A_CALL,
    "google.genai.errors.APIError": SAYS_NOTHING,
    "google.genai.errors.ClientError": SAYS_NOTHING,
    "httpx.HTTPError": SAYS_NOTHING,
    "httpx.HTTPStatusError": SAYS_NOTHING,
    "httpx.CookieConflict": NEVER_OF_A_CALL,
    "httpx2.HTTPError": SAYS_NOTHING,
    "httpx2.HTTPStatusError": SAYS_NOTHING,
    "httpx2.CookieConflict": NEVER_OF_A_CALL,
    "langchain_core.exceptions.LangChainException": SAYS_NOTHING,
    "langchain_core.exceptions.ModelError": SAYS_NOTHING,
    "langchain_core.exceptions.TracerException": NEVER_OF_A_CALL,
    "langchain_google_genai._common.GoogleGenerativeAIError": SAYS_NOTHING,
    "langchain_google_genai.chat_models.ChatGoogleGenerativeAIError": SAYS_NOTHING,
    "asyncio.exceptions.BrokenBarrierError": NEVER_OF_A_CALL,
    "asyncio.exceptions.InvalidStateError": NEVER_OF_A_CALL,
    "asyncio.exceptions.SendfileNotAvailableError": NEVER_OF_A_CALL,
    "asyncio.queues.QueueEmpty": NEVER_OF_A_CALL,
    "asyncio.queues.QueueFull": NEVER_OF_A_CALL,
    "concurrent.futures._base.BrokenExecutor": NEVER_OF_A_CALL,
    "socket._GiveupOnSendfile": NEVER_OF_A_CALL,
    **{
        f"anyio.{name}": NEVER_OF_A_CALL
        for name in (
            "BrokenWorkerInterpreter",
            "BrokenWorkerProcess",
            "BusyResourceError",
            "DelimiterNotFound",
            "FutureAlreadyFinished",
            "FutureCancelled",
            "FutureFailed",
            "FutureNotFinished",
            "NoEventLoopError",
            "RunFinishedError",
            "TaskCancelled",
            "TaskFailed",
            "TaskNotFinished",
            "WouldBlock",
        )
    },
}
if sys.version_info >= (3, 13):
    UNKNOWN |= dict.fromkeys(
        ("asyncio.queues.QueueShutDown", "concurrent.futures._base.InvalidStateError"), NEVER_OF_A_CALL
    )


def exceptions_of(module: ModuleType) -> dict[str, type[Exception]]:
    """The exception classes that a module shows, by qualified name, if they are of one of these packages."""
    shown: list[Any] = [value for name in dir(module) if isinstance(value := getattr(module, name), type)]
    return {
        f"{kind.__module__}.{kind.__qualname__}": kind
        for kind in shown
        if issubclass(kind, Exception) and not issubclass(kind, Warning)
        if kind.__module__.partition(".")[0] in PACKAGES
    }


EXCEPTIONS = {name: kind for path in MODULES for name, kind in exceptions_of(import_module(path)).items()}


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_R18_no_exception_of_a_library_is_unknown_without_a_reason(name: str) -> None:
    kind = EXCEPTIONS[name]
    bare = kind.__new__(kind)  # with what its class knows, and nothing of an answer
    if isinstance(bare, aiohttp.ClientResponseError):
        bare.status = 0

    known = classify(bare, answered=True).failure_class

    assert (known == "unknown") == (name in UNKNOWN), known


def test_the_reasons_are_of_classes_that_exist() -> None:
    assert set(UNKNOWN) <= set(EXCEPTIONS)
    assert len(EXCEPTIONS) > 250
