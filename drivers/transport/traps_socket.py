"""The sockets that traps arrive at, and how an address of a sender is written."""

from __future__ import annotations

import errno
import socket
import sys
from ipaddress import IPv6Address, ip_address
from typing import Final

RECEIVE_BUFFER: Final = 8 << 20
"""Octets that the kernel may hold for us: some 13,000 traps. It gives what net.core.rmem_max allows."""

_SO_MEMINFO: Final = 55  # <asm-generic/socket.h>: an array of 32 bit numbers
_DROPS: Final = 8  # SK_MEMINFO_DROPS of <linux/sock_diag.h>


class TrapsUnusable(OSError):
    """Nobody can listen there: another address, or leave. The message names the address and the reason."""


def plain_address(host: str) -> str:
    """One spelling of an address: without the zone, and IPv4 that came by an IPv6 socket as IPv4."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def listening(host: str, port: int) -> list[socket.socket]:
    """Bound sockets for this address; ``::`` takes IPv4 too. Raises TrapsUnusable."""
    found: list[socket.socket] = []
    try:
        for family, kind, proto, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        ):
            each = socket.socket(family, kind | socket.SOCK_CLOEXEC, proto)
            found.append(each)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
            each.bind(address)
            enlarge(each)
    except OSError as error:
        for each in found:
            each.close()
        told = "not without privilege below 1024" if error.errno == errno.EACCES else str(error)
        raise TrapsUnusable(f"{host}:{port}: {told}") from error
    return found


def enlarge(each: socket.socket) -> None:
    """Give it room for a burst, unless systemd gave it more."""
    if each.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < RECEIVE_BUFFER:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def lost_in_kernel(each: socket.socket) -> int:
    """Datagrams for which the kernel had no room, since the socket was made; 0 before Linux 4.12."""
    try:
        told = each.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_DROPS + 1))
    except OSError:
        return 0
    return int.from_bytes(told[4 * _DROPS :], sys.byteorder)
