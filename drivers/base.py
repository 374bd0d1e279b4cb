"""The driver contract. No behaviour; docs/drivers.md explains it with an example.

A *device* is one management session: one AP, or a controller that answers for many. What it can't do
is known from ``DeviceInfo.capabilities`` before anything is planned.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.notifications import Notifications
from drivers.signals import Signal
from drivers.types import (
    ActionRequest,
    Capabilities,
    ConfigState,
    DeviceInfo,
    Edit,
    Effects,
    Receipt,
    ScopeRef,
    Snapshot,
    Table,
)
from inventory.credentials import Secret
from inventory.model import AccessPoint, DeviceConfig, Radio, RadioKey


class Device(Protocol):
    """One management session. Reads may be repeated freely; writes never blindly.

    Every method raises :class:`drivers.errors.DriverError` and nothing else of its own.
    """

    async def open(self) -> DeviceInfo:
        """Connect, prove identity, learn radios and capabilities. Called again after a disconnect."""
        ...

    async def read(self, tables: frozenset[Table], radios: frozenset[RadioKey] | None) -> Snapshot:
        """Readings of these tables (None: of all radios of the device)."""
        ...

    async def read_config(self, ref: ScopeRef) -> ConfigState:
        """Settings of one scope, configured and in force, from the device and not from memory."""
        ...

    def plan(self, edit: Edit, have: ConfigState) -> Effects:
        """What `apply` would send and what it would do to service. Pure. Raises Unsupported."""
        ...

    async def apply(self, edit: Edit, undo_after_s: float | None) -> Receipt:
        """Send the edit once. Returning is no proof: the ack is `read_config`.

        ``undo_after_s``: arm the device's own undo timer (only where capabilities declare one).
        Raises Conflict (nothing sent), Refused (nothing done), TryAgain (may have been done).
        """
        ...

    async def confirm(self, receipt: Receipt) -> None:
        """Disarm the device-side undo timer, and keep the new values also when the device restarts."""
        ...

    async def cancel(self, receipt: Receipt) -> None:
        """Let the device go back now. Only for a receipt with ``undo_armed``."""
        ...

    async def act(self, request: ActionRequest) -> None:
        """Do it once; only what ``capabilities.actions`` lists. There is no undo and no read-back.

        Raises Unsupported, Refused (nothing done), TryAgain (may have been done).
        """
        ...

    def signals(self) -> AsyncIterator[Signal]:
        """What the device pushes; ends on disconnect; the first item after a reconnect is Gap."""
        ...

    async def close(self) -> None:
        """Abort blocked I/O. When it returns, no write of this session can land any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceContext:
    """All that a driver is given to build a device.

    ``radios``: the radios of the inventory that this device answers for; ``aps``: the APs they belong to;
    their ``match`` tells one AP of a controller from another. ``secret``: None when the inventory names no
    credential. ``clock``: monotonic seconds, for ``at_s``. ``notifications``: where SNMP traps and informs
    arrive; None: nobody listens for them.
    """

    config: DeviceConfig
    radios: tuple[Radio, ...]
    secret: Secret | None
    clock: Callable[[], float]
    aps: tuple[AccessPoint, ...] = ()
    notifications: Notifications | None = None


class DriverFamily(Protocol):
    """What an entry point of group ``rrmd.drivers`` names."""

    name: str
    summary: str
    capabilities: Capabilities
    """The most that the family can do; a device may declare less when it is opened."""
    profiles: Mapping[str, Capabilities]
    """What the key ``profile`` of a device can be, and the most each can do; empty: it has no such key."""

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Validate the driver's own keys of a device in the site file; raises ValueError with one
        sentence an operator understands."""
        ...

    def device(self, context: DeviceContext) -> Device: ...
