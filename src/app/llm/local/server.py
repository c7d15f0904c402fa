"""The embedded model's server: started on first use, shared by all callers, stopped with its owner."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Final

from app.errors import LocalModelMissing, ResourceClosed
from app.llm.forks import renew_in_children
from app.llm.local.native import NativeServer, ServerSettings

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

MODEL_NAME: Final = "smollm2-135m-instruct"
CLOSE_SECONDS: Final = 60.0


class EmbeddedServer:
    """A llama.cpp server on loopback inside this process, serving the SmolLM2 weights.

    It belongs to the process that started it: llama.cpp doesn't survive a fork, so a forked child refuses.
    """

    def __init__(
        self, *, port: int = 0, threads: int = 1, slots: int = 2, context_tokens: int = 4096
    ) -> None:
        """Keep the settings; nothing is loaded or opened.

        `port` 0 takes a free one. `threads` compute; `slots` requests run side by side, each with a
        context (prompt and answer) of `context_tokens` tokens.
        """
        self._settings = ServerSettings(
            model_name=MODEL_NAME, port=port, threads=threads, slots=slots, context_tokens=context_tokens
        )
        self._lock = threading.Lock()
        self._native: NativeServer | None = None
        self._stop_at_exit: weakref.finalize[..., EmbeddedServer] | None = None
        self._process: int | None = None
        self._closed = False
        renew_in_children(self)

    def start(self) -> str:
        """Start the server if it isn't running and return its base URL, `http://127.0.0.1:<port>/v1`.

        Callers that come while it starts wait for the one start. Raises LocalModelMissing, also in a child
        that was forked after the start, SettingsError if the port is taken, and ResourceClosed after `close`.
        """
        with self._lock:
            if self._closed:
                raise ResourceClosed("the embedded model's server was closed; build a new one")
            self._check_process()
            if self._native is None:
                native = NativeServer(self._settings)
                native.start()
                self._stop_at_exit = weakref.finalize(self, native.stop, CLOSE_SECONDS)
                self._native = native
            return self._native.base_url

    @property
    def base_url(self) -> str | None:
        """The base URL while the server runs, else None."""
        native = self._native
        return None if native is None else native.base_url

    def close(self) -> None:
        """Stop the server once the requests that it works on are answered; a second call does nothing."""
        with self._lock:
            self._closed = True
            self._native = None
            if self._stop_at_exit is not None:
                self._stop_at_exit()

    def renew(self) -> None:
        """In a forked child, leave the server to the parent."""
        self._lock = threading.Lock()
        self._native = None
        if self._stop_at_exit is not None:
            self._stop_at_exit.detach()
            self._stop_at_exit = None

    def _check_process(self) -> None:
        if self._process not in {None, os.getpid()}:
            raise LocalModelMissing(
                "the embedded model runs in the process that this one was forked from, and can't run here: "
                "fork before its first use, or start workers by spawn"
            )
        self._process = os.getpid()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
