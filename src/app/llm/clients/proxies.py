"""Which proxy stands between this process and an origin, as the operator's environment says."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from app.errors import SettingsError
from app.llm.clients.guard.ranges import is_loopback


class Proxies:
    """The operator's proxies (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), read once an origin."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, origin: str) -> str | None:
        """Return the proxy's URL for an origin, or None. A loopback address never goes through a proxy.

        Raises SettingsError for a proxy that isn't an http or https one.
        """
        if origin in self._known:
            return self._known[origin]
        return self._known.setdefault(origin, _look_up(origin))


def _look_up(origin: str) -> str | None:
    scheme_of_origin, _, address = origin.partition("://")
    host = address.rpartition(":")[0].strip("[]")
    if _is_loopback(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(scheme_of_origin) or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    scheme = urlsplit(proxy).scheme if "://" in proxy else "http"
    if scheme not in {"http", "https"}:
        raise SettingsError(
            f"the proxy for {origin} is a {scheme!r} one; only http and https proxies are supported"
        )
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    return is_loopback(host) or host == "localhost" or host.endswith(".localhost")
