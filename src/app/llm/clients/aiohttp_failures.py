"""What aiohttp raises, as the httpx2 errors that SDKs know."""

from __future__ import annotations

import ssl

import aiohttp
import httpx2

_FAILURES: tuple[tuple[type[Exception], type[httpx2.RequestError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx2.ReadTimeout),
    (TimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx2.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx2.ProxyError),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.ServerDisconnectedError, httpx2.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx2.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.ClientError, httpx2.ReadError),
    (OSError, httpx2.ReadError),
)
BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
"""Everything that aiohttp raises when an exchange breaks."""


def broken(error: BaseException, request: httpx2.Request) -> httpx2.RequestError:
    """Return the httpx2 error for one of aiohttp's, without the frames and fields that held the key."""
    for theirs, ours in _FAILURES:
        if isinstance(error, theirs):
            return ours(f"{type(error).__name__}: {_plain(error)}", request=request)
    return httpx2.ReadError(type(error).__name__, request=request)


def _plain(error: BaseException) -> str:
    """Return what an error says, for the kinds whose text is about addresses and causes only."""
    if isinstance(error, (aiohttp.ClientConnectorError, ssl.SSLError)):
        return str(error)
    return error.strerror or "" if isinstance(error, OSError) else ""
