"""What a scripted fault raises, and whom it makes a call answer for. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drivers.errors import DeviceTimeout, Disconnected, Garbage, Refused, Unsupported
from drivers.signals import Signal
from drivers.simulated.faults import Fault, Kind
from drivers.simulated.untrue import Readings
from drivers.types import DeviceInfo
from inventory.model import RadioKey


def silent(fault: Fault | None) -> bool:
    """Whether the device says nothing at all."""
    return fault is not None and fault.kind in (Kind.TIMEOUT, Kind.HANG)


def stop_at(fault: Fault | None, name: str, timeout_s: float, *, partly: bool = False) -> None:
    """Raise what ends a call of any kind, with nothing done. ``partly``: an answer may be garbage in part."""
    if fault is None:
        return
    if fault.kind is Kind.REFUSED:
        raise Refused(f"{name}: permission denied")
    if fault.kind in (Kind.DISCONNECT, Kind.REBOOT):
        raise Disconnected(f"the connection with {name} broke")
    if fault.kind is Kind.GARBAGE and not partly:
        raise Garbage(f"{name}: the answer makes no sense")
    if fault.kind is Kind.BUG:
        raise RuntimeError(f"{name}: the driver of this device has a bug")
    if silent(fault):
        raise DeviceTimeout(f"{name} did not answer within {timeout_s} s")


def check_plan(fault: Fault | None, name: str) -> None:
    """Raise what a plan does: that it can't be done, or what no plan should."""
    if fault is not None and fault.kind is Kind.REFUSED:
        raise Unsupported(f"{name} cannot do this")
    stop_at(fault, name, 0.0)


def meant(key: RadioKey, fault: Fault | None) -> RadioKey:
    """The radio that the device takes for this one."""
    if fault is None or fault.kind is not Kind.WRONG_RADIO or not fault.radios:
        return key
    return min(fault.radios)


def by_another(info: DeviceInfo, fault: Fault | None) -> DeviceInfo:
    """As another device at the same address would say it."""
    other = fault is not None and fault.kind is Kind.OTHER_IDENTITY
    return replace(info, identity=f"another than {info.identity}") if other else info


def swapped(found: Readings, fault: Fault | None) -> Readings:
    """One radio is told as another."""
    return {key: replace(found.get(meant(key, fault), each), key=key) for key, each in found.items()}


def of_another(signal: Signal, fault: Fault | None) -> Signal:
    """The signal as if another radio had sent it."""
    said: Any = signal
    if getattr(said, "radio", None) is None:
        return signal
    moved: Signal = replace(said, radio=meant(said.radio, fault))
    return moved
