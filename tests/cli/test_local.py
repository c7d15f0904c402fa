"""The embedded model on the command line: served by itself, and at the main job."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from tests.cli.commands import pointsman, results
from tests.servers.running import PATIENCE_S

COMMAND = str(Path(sys.executable).parent / "pointsman")


def test_the_model_is_served_until_ctrl_c() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([COMMAND, "local", "serve"], stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with urlopen(f"{url}/models", timeout=PATIENCE_S) as answered:  # noqa: S310 - http on loopback
                models = json.load(answered)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert models["data"]
    assert process.returncode == 0
    assert "Traceback" not in stderr


def test_a_port_that_cannot_be_had_is_wrong_usage() -> None:
    assert pointsman("local", "serve", "--port", 70000).exit_code == 2


def test_the_real_model_files_the_samples(project_root: Path, tmp_path: Path) -> None:
    samples, out = project_root / "samples" / "conversations.jsonl", tmp_path / "out.jsonl"
    words = ("--profile", "local", "--limit", 3, "--out", out, "--json")
    ended = pointsman("folders", "assign", samples, *words)
    assert ended.exit_code == 0, ended.output
    record = json.loads(ended.stdout)
    assert record["conversations"] == record["filed"] == len(results(out)) == 3
    assert record["failures"] == {}
    assert record["tokens"]["read"] > 0
