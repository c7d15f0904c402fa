"""What a product tests with.

- `LeakKit`: canary keys and prompts, and a watch over everything in which they could turn up.
- `ScriptedChatModel`, `answering`: a model that says what a test wrote, for one feature or by itself.
- `forbid_real_requests`: whatever would leave to a provider raises instead.
- `check_adapter`: whether a new wire protocol's adapter keeps to the door.
- `app.testing.plugin`: the same as pytest fixtures and markers.

Nothing in the product imports this package; only its plugin imports pytest.
"""

from __future__ import annotations

from app.errors import ScriptExhausted
from app.testing.conformance.checking import check_adapter
from app.testing.conformance.findings import AdapterMisbehaves, Finding
from app.testing.forbidding import ForbiddingTransport, forbid_real_requests
from app.testing.leaks.canaries import Canary
from app.testing.leaks.exhibits import Exhibit, Leaked, Sighting, Sink
from app.testing.leaks.kit import LeakKit
from app.testing.scripted.failing import Failing
from app.testing.scripted.features import answering
from app.testing.scripted.model import ScriptedChatModel
from app.testing.scripted.script import Call, Script
from app.testing.servers import RecordingServer, Reply, Seen, recording

__all__ = [
    "AdapterMisbehaves",
    "Call",
    "Canary",
    "Exhibit",
    "Failing",
    "Finding",
    "ForbiddingTransport",
    "LeakKit",
    "Leaked",
    "RecordingServer",
    "Reply",
    "Script",
    "ScriptExhausted",
    "ScriptedChatModel",
    "Seen",
    "Sighting",
    "Sink",
    "answering",
    "check_adapter",
    "forbid_real_requests",
    "recording",
]
