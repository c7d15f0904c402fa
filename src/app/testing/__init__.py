"""What a product tests with.

- `LeakKit`: canary keys and prompts, and a watch over everything in which they could turn up.
- `ScriptedChatModel`, `answering`: a model that says what a test wrote, for one feature or by itself.
- `forbid_real_requests`: whatever would leave to a provider raises instead.
- `SleeplessClock`: retries that don't wait.
- `drill`: faults of every kind, played to the plans of a container by a server on this machine.
- `check_adapter`: whether a new wire protocol's adapter keeps to the door.
- `app.testing.plugin`: the same as pytest fixtures and markers.

Nothing in the product imports this package but the command `pointsman drill`; only its plugin imports pytest.
"""

from __future__ import annotations

from app.errors import ScriptExhausted
from app.testing.clocks import SleeplessClock
from app.testing.conformance.checking import check_adapter
from app.testing.conformance.findings import AdapterMisbehaves, Finding
from app.testing.drills.report import DrillReport
from app.testing.drills.scenario import Scenario
from app.testing.drills.subjects import drill
from app.testing.faults.server import FaultServer
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
    "DrillReport",
    "Exhibit",
    "Failing",
    "FaultServer",
    "Finding",
    "ForbiddingTransport",
    "LeakKit",
    "Leaked",
    "RecordingServer",
    "Reply",
    "Scenario",
    "Script",
    "ScriptExhausted",
    "ScriptedChatModel",
    "Seen",
    "Sighting",
    "Sink",
    "SleeplessClock",
    "answering",
    "check_adapter",
    "drill",
    "forbid_real_requests",
    "recording",
]
