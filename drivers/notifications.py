"""SNMP notifications: what the shared trap socket of the daemon hands to the devices. No behaviour.

A device that understands traps subscribes in its `signals` and turns what it gets into signals; which
sender and which credentials it expects, it says itself. What nobody subscribed to is counted and dropped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from inventory.snmp_login import SnmpLogin

Oid = str
"""Dotted, without a leading dot."""

Value = int | bytes | str
"""Of a varbind: any integer, octets, or (str) an OID or an IPv4 address, dotted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One trap or inform. ``trap``: its snmpTrapOID (of v1 made by RFC 3584).

    ``source``: the sender's address. ``authenticated``: SNMPv3 with authentication;
    a community proves nothing.
    """

    at_s: float
    source: str
    trap: Oid
    varbinds: Mapping[Oid, Value]
    authenticated: bool
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """From whom a device expects notifications. ``addresses``: IP addresses, without port; ``engine_id``: of
    SNMPv3, as the device told it when it was polled, None = not known yet. ``traps``: which ones mean
    something to the device, None = all; others are counted and dropped before they wait for it."""

    device: str
    addresses: frozenset[str]
    login: SnmpLogin
    engine_id: bytes | None = None
    traps: frozenset[Oid] | None = None


class Notifications(Protocol):
    """The daemon's trap socket."""

    def subscribe(self, sender: Sender) -> AsyncIterator[Notification]:
        """What this sender sends from now on, in order; ends when the iterator is closed.

        What a reader that is too slow misses is counted, and it gets the newest.
        """
        ...
