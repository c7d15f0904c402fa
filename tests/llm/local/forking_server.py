"""Run in a fresh process: start the embedded model, fork, and print what the child is told."""

from __future__ import annotations

import faulthandler
import os
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

from app.errors import LocalModelMissing
from app.llm.providers.launching import Launchers

LAUNCH = "app.llm.local:EmbeddedServer"


def healthy(url: str) -> bool:
    """Whether the server answers."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.request("GET", "/health")
    return connection.getresponse().status == 200


def main() -> None:
    launchers = Launchers()
    url = launchers.url(LAUNCH)
    child = os.fork()
    if not child:
        faulthandler.dump_traceback_later(60, exit=True)
        try:
            launchers.url(LAUNCH)
        except LocalModelMissing as error:
            print(error, flush=True)  # noqa: T201 - for the test
        launchers.close()
        os._exit(0)
    os.waitpid(child, 0)
    if not (healthy(url) and launchers.url(LAUNCH) == url):
        sys.exit("the parent's server was disturbed")
    launchers.close()


if __name__ == "__main__":
    main()
