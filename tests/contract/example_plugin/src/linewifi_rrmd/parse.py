"""What the AP says, as values. Pure. A field that is absent, or "?", is None: not reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from drivers.errors import Garbage
from drivers.signals import ChannelSwitched, ClientLeft, Signal
from drivers.types import Counters, Gauges, RadioReading, RadioState, Reported, Setting, Table
from inventory.model import Band, RadioKey

T = TypeVar("T")
SOURCE = "linewifi.status"
SETTINGS = {"channel": Setting.CHANNEL, "width": Setting.WIDTH_MHZ, "power": Setting.TX_POWER_DBM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    model: str
    version: str
    serial: str
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One radio, as its line of `status` has it."""

    number: str
    band: Band
    state: RadioState
    words: Mapping[str, str]

    def get(self, name: str, read: Callable[[str], T]) -> T | None:
        """A field's value. Raises Garbage for one that can't be read."""
        text = self.words.get(name, "?")
        try:
            return None if text == "?" else read(text)
        except ValueError as error:
            raise Garbage(f"radio {self.number}: {name}={text[:40]!r} makes no sense") from error

    def settings(self) -> dict[Setting, int]:
        told = {setting: self.get(word, int) for word, setting in SETTINGS.items()}
        return {setting: value for setting, value in told.items() if value is not None}


def words(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def hello(text: str) -> Hello:
    """Raises Garbage."""
    parts, told = text.split(), words(text)
    if len(parts) < 3 or parts[0] != "linewifi" or not told.get("serial"):
        raise Garbage(f"expected linewifi MODEL VERSION serial=..., got {text[:80]!r}")
    return Hello(model=parts[1], version=parts[2], serial=told["serial"], mac=told.get("mac", "").lower())


def lines(answer: list[str]) -> dict[str, Line]:
    """By the radio's number. Raises Garbage."""
    found = (_line(text) for text in answer)
    return {line.number: line for line in found}


def _line(text: str) -> Line:
    told = words(text)
    try:
        return Line(
            number=told["radio"], band=Band(told["band"]), state=RadioState(told["state"]), words=told
        )
    except (KeyError, ValueError) as error:
        raise Garbage(f"no radio's line: {text[:80]!r}") from error


def reading(line: Line, key: RadioKey, tables: frozenset[Table], at_s: float) -> RadioReading:
    """Raises Garbage."""
    return RadioReading(
        key=key,
        at_s=at_s,
        state=line.state,
        band=line.band,
        channel=_reported(line.get("channel", int)),
        width_mhz=_reported(line.get("width", int)),
        tx_power_dbm=_reported(line.get("power", float)),
        country=_reported(line.get("country", str)),
        power_choices_dbm=line.get("powers", _numbers),
        client_count=line.get("clients", int) if Table.CLIENTS in tables else None,
        gauges=_gauges(line) if Table.SURVEY in tables else None,
        counters=_counters(line) if Table.COUNTERS in tables else None,
    )


def _reported(value: T | None) -> Reported[T] | None:
    return None if value is None else Reported(value, SOURCE)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


def _gauges(line: Line) -> Gauges:
    return Gauges(busy_ratio=line.get("busy", float), noise_dbm=line.get("noise", float))


def _counters(line: Line) -> Counters:
    return Counters(
        tx_frames=line.get("sent", int),
        tx_retries=line.get("repeated", int),
        tx_failed=line.get("lost", int),
        width_bits=32,
        epoch=line.words.get("epoch", ""),
    )


def signal(text: str, device: str, keys: Mapping[str, RadioKey], at_s: float) -> Signal | None:
    """None: an event of a radio that is not ours, or of a kind that nobody needs. Raises Garbage."""
    match text.split():
        case ["left", number, mac] if number in keys:
            return ClientLeft(at_s=at_s, device=device, radio=keys[number], mac=mac.lower())
        case ["channel", number, channel, width] if number in keys:
            try:
                values = int(channel), int(width)
            except ValueError as error:
                raise Garbage(f"no event: {text[:80]!r}") from error
            return ChannelSwitched(
                at_s=at_s, device=device, radio=keys[number], channel=values[0], width_mhz=values[1]
            )
    return None
