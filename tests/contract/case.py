"""What the contract suite is given of one driver, and how it waits for what was written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from drivers.base import Device
from drivers.types import ConfigState, DeviceInfo, Edit, RadioState, ScopeRef, Setting, Values
from inventory.model import RadioKey

T = TypeVar("T")
NOWHERE = RadioKey("north/nobody/r5")
APPLIED_S = 30.0
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One driver with something to speak to. ``change``: an edit's values that it can carry out on
    ``radio``, which must be on air; ``before`` undoes it. ``make`` gives a device that is not open yet.
    ``as_configured``: what of it the device can't tell to be in force. A device that only reads has neither.

    A declared setting is in ``change``, in the ``change`` of ``more`` (pairs of change and before), or in
    ``elsewhere``: the test that tries it, and why this peer can't. A declared signal way is in ``pushes``
    (while that context is entered the peer sends something of the radio by this way) or in ``elsewhere``.

    ``sent``: what the peer has received so far that was meant to change something, each written as `plan`
    writes it; ``bare``: what of a command of `plan` the peer hears, as it tells it. Without ``sent``,
    ``unheard`` names the test that compares the two instead.
    """

    name: str
    make: Callable[[], Device]
    scope: ScopeRef
    change: Values = field(default_factory=dict)
    before: Values = field(default_factory=dict)
    as_configured: frozenset[Setting] = frozenset()
    more: tuple[tuple[Values, Values], ...] = ()
    pushes: Mapping[str, Callable[[], AbstractContextManager[object]]] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    sent: Callable[[], Sequence[str]] | None = None
    bare: Callable[[str], Sequence[str]] = lambda command: (command,)
    unheard: str = ""

    @property
    def radio(self) -> RadioKey:
        return self.scope.members[0]

    @property
    def edits(self) -> tuple[tuple[Values, Values], ...]:
        """Pairs of what is written and what undoes it."""
        return ((self.change, self.before), *self.more) if self.change else self.more

    @property
    def nowhere(self) -> list[str]:
        """Tests that ``elsewhere`` names and nobody has written."""
        named = re.findall(r"tests/[\w/]+\.py", " ".join((*self.elsewhere.values(), self.unheard)))
        return [name for name in named if not (REPOSITORY / name).exists()]

    def need_edits(self) -> None:
        """Skips for a device that declares nothing to set (else another test fails)."""
        if not self.edits:
            pytest.skip(f"{self.name} sets nothing here")

    def edit(self, values: Values, expect: Values) -> Edit:
        return Edit(change_id="contract", scope=self.scope, set=values, expect=expect)

    def opened(self) -> AbstractAsyncContextManager[tuple[Device, DeviceInfo]]:
        return _opened(self.make())

    def told(self, story: Callable[[Device, DeviceInfo], Awaitable[T]]) -> T:
        """What the story returns, told with a device that is open."""

        async def open_and_tell() -> T:
            async with self.opened() as (device, info):
                return await story(device, info)

        return asyncio.run(open_and_tell())

    def agrees(self, state: ConfigState, values: Values) -> bool:
        known = state.known(self.as_configured)
        return all(known.get(name) == value for name, value in values.items())

    async def settled(self, device: Device, values: Values, within_s: float = APPLIED_S) -> ConfigState:
        """The read-back, as soon as it agrees; the ack is never the return of `apply`."""
        async with asyncio.timeout(within_s):
            while not self._proven(state := await device.read_config(self.scope), values):
                pass  # each question takes its time
        return state

    def _proven(self, state: ConfigState, values: Values) -> bool:
        """What is told as configured only proves nothing as long as the radio is not back."""
        back = not self.as_configured or state.state is RadioState.ON_AIR
        return back and self.agrees(state, values)


@asynccontextmanager
async def _opened(device: Device) -> AsyncIterator[tuple[Device, DeviceInfo]]:
    info = await device.open()
    try:
        yield device, info
    finally:
        await device.close()
