"""The addresses that no user may have us call, as data: IANA's registries, and what clouds add."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

RANGES: Final[tuple[tuple[str, str], ...]] = (
    # Clouds' own, before the ranges that some of them are in: the reason is better.
    ("169.254.169.254/32", "a cloud's metadata service"),
    ("169.254.170.2/32", "a cloud's metadata service"),  # AWS, containers
    ("100.100.100.200/32", "a cloud's metadata service"),  # Alibaba
    ("168.63.129.16/32", "a cloud's metadata service"),  # Azure
    ("192.0.0.192/32", "a cloud's metadata service"),  # Oracle
    ("fd00:ec2::254/128", "a cloud's metadata service"),  # AWS
    ("fd20:ce::254/128", "a cloud's metadata service"),  # Google
    ("fd00:c1::a9fe:a9fe/128", "a cloud's metadata service"),  # Oracle
    ("fd00:42::42/128", "a cloud's metadata service"),  # Scaleway
    # IPv4
    ("0.0.0.0/8", "unspecified"),  # RFC 1122
    ("10.0.0.0/8", "private"),  # RFC 1918
    ("100.64.0.0/10", "a carrier's shared range"),  # RFC 6598
    ("127.0.0.0/8", "loopback"),  # RFC 1122
    ("169.254.0.0/16", "link-local"),  # RFC 3927
    ("172.16.0.0/12", "private"),  # RFC 1918
    ("192.0.0.0/24", "set aside for protocols"),  # RFC 6890
    ("192.0.2.0/24", "for documentation"),  # RFC 5737
    ("192.31.196.0/24", "set aside for protocols"),  # RFC 7535
    ("192.52.193.0/24", "set aside for protocols"),  # RFC 7450
    ("192.88.99.0/24", "a relay into IPv6"),  # RFC 7526
    ("192.168.0.0/16", "private"),  # RFC 1918
    ("192.175.48.0/24", "set aside for protocols"),  # RFC 7534
    ("198.18.0.0/15", "for benchmarks"),  # RFC 2544
    ("198.51.100.0/24", "for documentation"),  # RFC 5737
    ("203.0.113.0/24", "for documentation"),  # RFC 5737
    ("224.0.0.0/4", "multicast"),  # RFC 5771
    ("255.255.255.255/32", "broadcast"),  # RFC 919
    ("240.0.0.0/4", "reserved"),  # RFC 1112
    # IPv6: what carries an IPv4 address
    ("::/128", "unspecified"),  # RFC 4291
    ("::1/128", "loopback"),  # RFC 4291
    ("::/96", "an IPv4 address inside an IPv6 one"),  # RFC 4291, IPv4-compatible
    ("::ffff:0:0/96", "an IPv4 address inside an IPv6 one"),  # RFC 4291, IPv4-mapped
    ("::ffff:0:0:0/96", "an IPv4 address inside an IPv6 one"),  # RFC 2765, IPv4-translated
    ("64:ff9b::/96", "an IPv4 address inside an IPv6 one"),  # RFC 6052, NAT64
    ("64:ff9b:1::/48", "an IPv4 address inside an IPv6 one"),  # RFC 8215, NAT64
    ("2001::/32", "an IPv4 address inside an IPv6 one"),  # RFC 4380, Teredo
    ("2002::/16", "an IPv4 address inside an IPv6 one"),  # RFC 3056, 6to4
    # IPv6: the rest
    ("100::/64", "a black hole"),  # RFC 6666
    ("2001:2::/48", "for benchmarks"),  # RFC 5180
    ("2001:db8::/32", "for documentation"),  # RFC 3849
    ("2001::/23", "set aside for protocols"),  # RFC 2928
    ("2620:4f:8000::/48", "set aside for protocols"),  # RFC 7534
    ("3fff::/20", "for documentation"),  # RFC 9637
    ("5f00::/16", "set aside for protocols"),  # RFC 9602
    ("fc00::/7", "private"),  # RFC 4193
    ("fe80::/10", "link-local"),  # RFC 4291
    ("fec0::/10", "site-local"),  # RFC 3879
    ("ff00::/8", "multicast"),  # RFC 4291
)
"""Network and what an address in it is, the first that holds winning."""
PUBLIC_IPV6: Final = "2000::/3"
"""All that is handed out for use by anyone (RFC 4291)."""
ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""The upper half of an interface identifier that carries an IPv4 address in its lower half (RFC 5214)."""

_NETWORKS = tuple((ip_network(network), kind) for network, kind in RANGES)
_PUBLIC_IPV6 = IPv6Network(PUBLIC_IPV6)


def objection_to(address: str) -> str | None:
    """Return what an address is that no user may have us call, or None for a public one.

    `address` is as a name service or a socket has it. What can't be read as an address is no public one.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return "no address"
    for network, kind in _NETWORKS:
        if found.version == network.version and found in network:
            return kind
    return None if _is_public(found) else "reserved"


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own, in plain spelling."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global
    tunnelled = (int(address) >> 32) & 0xFFFFFFFF in ISATAP
    return address in _PUBLIC_IPV6 and address.is_global and address.scope_id is None and not tunnelled
