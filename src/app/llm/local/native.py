"""llama.cpp's own server, held by one thread from its start to its end."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from app.errors import LocalModelMissing, SettingsError
from app.llm.local.weights import INSTALL_COMMAND, find_weights
from app.llm.logs import logger

if TYPE_CHECKING:
    from pathlib import Path

HOST: Final = "127.0.0.1"
SILENT: Final = -1
MOST_ANSWER_TOKENS: Final = 512
POLL_SECONDS: Final = 0.05
ANSWER_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What a server is started with. `context_tokens` is each slot's share, `port` 0 means any free one."""

    model_name: str
    port: int
    threads: int
    slots: int
    context_tokens: int


class NativeServer:
    """A running llama.cpp server and the thread that owns it.

    The thread is a daemon that holds the only reference: taking the server down while it works on a request
    would wait for that request forever with the interpreter locked, so only an idle one is ever released.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._address: Future[str] = Future()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._own, name="embedded-model", daemon=True)

    def start(self) -> None:
        """Load the weights and listen; LocalModelMissing or SettingsError if that can't be done."""
        self._thread.start()
        self._address.result()

    @property
    def base_url(self) -> str:
        """The OpenAI-compatible base URL; blocks until the server listens."""
        return f"{self._address.result()}/v1"

    def stop(self, seconds: float) -> None:
        """Ask for the end and wait for it; after `seconds` a busy server is left to end by itself."""
        self._stop.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            logger().warning("embedded_model_still_busy", seconds=seconds)

    def _own(self) -> None:
        try:
            server = open_server(self._settings, find_weights())
        except Exception as error:  # noqa: BLE001 - handed to the caller of start, whatever it is
            self._address.set_exception(error)
            return
        self._address.set_result(server.listening_address)
        self._stop.wait()
        wait_until_idle(server.listening_address)


def open_server(settings: ServerSettings, weights: Path) -> Any:  # noqa: ANN401 - the wheel carries no types
    """Return a listening `xllamacpp.Server`; SettingsError if the port is taken, else LocalModelMissing."""
    import xllamacpp  # type: ignore[import-untyped] # the wheel carries no types

    check_port(settings.port)
    try:
        return xllamacpp.Server(_parameters(xllamacpp.CommonParams(), settings, weights))
    except RuntimeError as error:
        raise LocalModelMissing(
            f"llama.cpp could not serve {weights} ({error}); install it anew with `{INSTALL_COMMAND}`"
        ) from error


def check_port(port: int) -> None:
    """Raise SettingsError if nobody can listen on `port` of loopback: llama.cpp itself wouldn't say why."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise SettingsError(f"the embedded model can't listen on {HOST}:{port}: {error}") from error


def _parameters(parameters: Any, settings: ServerSettings, weights: Path) -> Any:  # noqa: ANN401 - as above
    parameters.model.path = str(weights)
    parameters.model_alias = {settings.model_name}
    parameters.hostnames = [HOST]
    parameters.port = settings.port
    parameters.cpuparams.n_threads = settings.threads
    parameters.cpuparams_batch.n_threads = settings.threads
    parameters.n_parallel = settings.slots
    # llama.cpp divides the context that it is given among its slots.
    parameters.n_ctx = settings.context_tokens * settings.slots
    # A request that was given up isn't noticed: it computes to its end, which therefore has to be near.
    parameters.n_predict = MOST_ANSWER_TOKENS
    # Its default is a prompt cache of up to 8 GiB of memory beside the slots' own.
    parameters.cache_ram_mib = 0
    # A web page that this machine's user looks at must not be able to read the answers.
    parameters.cors_origins = "http://localhost"
    parameters.ui = False
    parameters.warmup = False
    parameters.verbosity = SILENT
    return parameters


def wait_until_idle(address: str) -> None:
    """Return once the server at `address` has answered all that it was asked."""
    pause = threading.Event()
    while any(slot["is_processing"] for slot in _slots(address)):
        pause.wait(POLL_SECONDS)


def _slots(address: str) -> list[dict[str, Any]]:
    connection = HTTPConnection(urlsplit(address).netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/slots")
        slots: list[dict[str, Any]] = json.load(connection.getresponse())
    finally:
        connection.close()
    return slots
