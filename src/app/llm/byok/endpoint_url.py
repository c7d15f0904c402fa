"""The one spelling in which a user may name an endpoint."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from app.errors import UserEndpointRefused

LONGEST_URL: Final = 2048
LONGEST_HOST: Final = 253
"""Characters, as DNS has it (RFC 1035)."""
HIGHEST_PORT: Final = 65_535
DEFAULT_PORTS: Final = {"https": 443, "http": 80}

_SCHEME = re.compile(r"(?i)(https?)://")
_PORT = re.compile(r":([0-9]{1,5})\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")


def canonical_url(text: str) -> str:
    """Return a base URL as it will be used: lower-case scheme and host, no default port, no slash at its end.

    :raises UserEndpointRefused: it is no http(s) URL in plain spelling. Nothing of it is repeated: a key may
        have got into it by mistake.
    """
    if not 0 < len(text) <= LONGEST_URL:
        raise UserEndpointRefused(f"its URL has to be a text of at most {LONGEST_URL} characters")
    if not text.isprintable() or any(character.isspace() for character in text) or "\\" in text:
        raise UserEndpointRefused("its URL holds a space, a control character or a backslash")
    if "?" in text or "#" in text:
        raise UserEndpointRefused("its URL carries a query or a fragment: it has to be the base of all paths")
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise UserEndpointRefused("its URL has to begin with https://")
    authority, slash, path = text[scheme.end() :].partition("/")
    if not _PATH.fullmatch(slash + path):
        raise UserEndpointRefused("its URL has a path with characters that a path can't hold")
    origin = canonical_origin(scheme[1].lower(), authority)
    return origin + (slash + path).rstrip("/")


def canonical_origin(scheme: str, authority: str) -> str:
    """Return `scheme://host` or `scheme://host:port` of an authority as it is written in a URL.

    :raises UserEndpointRefused: it holds more than a host and a port, or spells them in an unusual way.
    """
    if "@" in authority:
        raise UserEndpointRefused("its URL carries a user name or password: the key is given apart from it")
    found = _PORT.search(authority)
    host, port = (authority[: found.start()], int(found[1])) if found else (authority, DEFAULT_PORTS[scheme])
    if not 1 <= port <= HIGHEST_PORT:
        raise UserEndpointRefused("its URL names a port that doesn't exist")
    spelt = canonical_host(host)
    return f"{scheme}://{spelt}" if port == DEFAULT_PORTS[scheme] else f"{scheme}://{spelt}:{port}"


def canonical_host(host: str) -> str:
    """Return a host in its one spelling: a lower-case ASCII name, dotted decimal IPv4, or IPv6 in brackets.

    :raises UserEndpointRefused: it is anything else, also numbers that only some systems take for an address.
    """
    if host.startswith("[") and host.endswith("]"):
        return f"[{_ipv6(host[1:-1])}]"
    name = _ascii(host).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name)
    if len(name) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise UserEndpointRefused("its URL names no host, or one that no host can be called")
    return name


def _ipv6(text: str) -> str:
    if "%" in text:
        raise UserEndpointRefused("its URL names a zone of an IPv6 address: no public address has one")
    try:
        return IPv6Address(text).compressed
    except AddressValueError:
        raise UserEndpointRefused("its URL has brackets without an IPv6 address") from None


def _ipv4(text: str) -> str:
    # What isn't four decimal numbers here is an address to some system: 127.1, 0x7f000001, 017700000001.
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise UserEndpointRefused("its URL spells an address by other means than four numbers") from None


def _ascii(host: str) -> str:
    """Return a host's ASCII form. What has a second spelling is refused: it would be another host."""
    if host.isascii():
        return host
    try:
        encoded = host.encode("idna")
        only_spelling = encoded.decode("idna") == host.lower()
    except UnicodeError:
        encoded, only_spelling = b"", False
    if not only_spelling:
        raise UserEndpointRefused("its URL names a host beyond ASCII: give it in its ASCII form (xn--...)")
    return encoded.decode("ascii")
