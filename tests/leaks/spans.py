"""OpenTelemetry as products use it with LangChain: a span a call, with what the callbacks say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.trace import Span, Tracer


class SpanHandler(BaseCallbackHandler):
    """A handler that makes a span of each call."""

    run_inline = True

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._spans: dict[UUID, Span] = {}

    def on_chat_model_start(
        self, serialized: object, messages: object, *, run_id: UUID, **kwargs: Any
    ) -> None:
        span = self._spans[run_id] = self._tracer.start_span("chat")
        span.set_attribute("serialized", repr(serialized))
        span.set_attribute("messages", repr(messages))
        span.set_attribute("about", repr(kwargs))

    def on_llm_end(self, response: object, *, run_id: UUID, **kwargs: Any) -> None:
        span = self._spans.pop(run_id)
        span.set_attribute("answer", repr(response))
        span.end()

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        span = self._spans.pop(run_id)
        span.record_exception(error)
        span.end()


def exporting() -> tuple[Tracer, InMemorySpanExporter]:
    """A tracer of its own, and the exporter that keeps its spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("tests"), exporter
