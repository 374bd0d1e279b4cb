"""What is asked of an AP in one poll, and what came back, by the question. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drivers.errors import DeviceTimeout, DriverError, Garbage, TryAgain
from drivers.openwrt.find import Found
from drivers.openwrt.ubus import Answer, Call, StatusRefused
from drivers.openwrt.ubus import Status as Code
from drivers.types import Absence, Table


class Missing(Exception):
    """This part of the answer is not there; never leaves the driver."""

    def __init__(self, why: Absence, text: str = "") -> None:
        super().__init__(text)
        self.why = why


def calls(radio: Found, tables: frozenset[Table], *, lists: bool) -> tuple[Call, ...]:
    """All that is asked in one poll of one radio. ``lists``: its channels and powers too."""
    asked = [_call(f"hostapd.{name}", "get_status") for name in radio.bss]
    if not radio.bss:
        return ()
    asked.append(_call("iwinfo", "info", device=radio.ifname))
    if lists and Table.STATUS in tables:
        asked += [_call("iwinfo", name, device=radio.ifname) for name in ("freqlist", "txpowerlist")]
    if Table.SURVEY in tables:
        asked.append(_call("iwinfo", "survey", device=radio.ifname))
    if Table.CLIENTS in tables:
        asked += [_call("iwinfo", "assoclist", device=name) for name in radio.bss]
    return tuple(asked)


def scan(radio: Found) -> Call:
    """The radio leaves its channel for seconds."""
    return _call("iwinfo", "scan", device=radio.ifname)


def _call(object: str, method: str, **args: str) -> Call:
    return Call(object=object, method=method, args=args)


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one poll, by what was asked."""

    by_call: Mapping[str, Answer]

    @classmethod
    def of(cls, asked: Iterable[Call], given: Iterable[Answer]) -> Answers:
        return cls({_name(call): answer for call, answer in zip(asked, given, strict=True)})

    def get(self, object: str, method: str, **args: str) -> Answer | None:
        """None: it was not asked."""
        return self.by_call.get(_name(_call(object, method, **args)))

    def data(self, object: str, method: str, **args: str) -> Mapping[str, Any]:
        """Raises Missing with the reason."""
        answer = self.get(object, method, **args)
        if answer is None:
            raise Missing(Absence.GARBAGE, f"{object} {method} was not asked")
        if answer.error is not None:
            raise Missing(why(answer.error), str(answer.error))
        return answer.data


def _name(call: Call) -> str:
    return f"{call.object} {call.method} {call.args.get('device', '')}"


def why(error: DriverError) -> Absence:
    if isinstance(error, DeviceTimeout):
        return Absence.TIMEOUT
    if isinstance(error, Garbage):
        return Absence.GARBAGE
    gone = isinstance(error, StatusRefused) and error.status == Code.NOT_FOUND
    return Absence.ABSENT if gone or isinstance(error, TryAgain) else Absence.REFUSED


def absence(error: Missing | Garbage) -> Absence:
    return error.why if isinstance(error, Missing) else Absence.GARBAGE
