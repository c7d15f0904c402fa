"""No SDK makes spans of its own, whatever the environment says (R17)."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.leaks.scenes import HEADERS, PATHS
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from tests.servers.running import RunningServer

__all__ = ["server"]

SCRIPT = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from app.llm.clients.spec import ClientSpec, Credential, Grant, origin_of
from app.llm.clients.transport import Transport
from app.llm.providers.registry import installed_adapters

protocol, url = sys.argv[1:]
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
adapter, transport = installed_adapters()[protocol], Transport()
spec = ClientSpec(protocol, "acme", url, "some-model", "platform", adapter.auth)
client = adapter.build(spec, url, transport)
grant = Grant(Credential("acme", "platform", "the test", lambda: "sk-x"), origin_of(url), adapter.auth)
with transport.ticket(grant) as ticket:
    client.invoke("hello", **adapter.request_arguments(ticket))
transport.close()
print([span.to_json() for span in exporter.get_finished_spans()])
"""
ENVIRONMENT = {
    "ANTHROPIC_OPEN_TELEMETRY": "true",
    "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
}


@pytest.mark.parametrize("protocol", HEADERS)
def test_R17_no_sdk_makes_spans(server: RunningServer, protocol: str) -> None:
    command = [sys.executable, "-c", SCRIPT, protocol, server.origin + PATHS[protocol]]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert [name for name, _ in server.received[0].headers if name.startswith("trace")] == []
