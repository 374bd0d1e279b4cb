"""What a probe found, as tables for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.cli.duration import spoken
from agent.cli.terminal import count, percent, show, show_pairs, show_table

DETAILED: Final = 8
"""At most so many radios are shown field by field; more are one line each."""

_OVERVIEW: Final = (
    *(
        "AP",
        "AP's name",
        "radio",
        "GHz",
        "state",
        "channel",
        "MHz",
        "dBm",
        "noise",
        "busy",
        "retries",
        "clients",
    ),
    "power by",
)
_ALREADY: Final = frozenset(
    {"key", "ap", "ap_name", "name", "band", "missing", "fields", "reading", "configured", "in_force"}
)
_IN_MHZ: Final = {
    "allowed_mhz": "allowed channels",
    "nop_mhz": "channels in NOP",
    "cac_done_mhz": "channels after CAC",
}


def show_probe(found: Mapping[str, Any]) -> None:
    """The device, its radios, and how long each answer took."""
    show_pairs("Device", {"reachable": found.get("reachable"), **_spoken(found["device"] or {})})
    radios = found["radios"]
    if radios:
        show_table("Radios", _OVERVIEW, map(_overview, radios))
    if len(radios) <= DETAILED:
        for radio in radios:
            _show_radio(radio)
    else:
        show("each field of each radio: --json, or one AP by its name")
    _show_unlisted(found.get("found", ()))
    for note in found.get("notes", ()):
        show(note)
    show_table("Calls", ("call", "ms"), ((call["call"], call["ms"]) for call in found["calls"]))


def _spoken(device: Mapping[str, Any]) -> dict[str, Any]:
    """The device with the words for what can be set, and how it pushes, in one line each."""
    sets = [f"{setting} (scope {scope})" for setting, scope in device.get("sets", {}).items()]
    ways = device.get("signal_ways") or device.get("signals")
    told = {**device, "sets": sets or "nothing", "signals": ways or "none: it is polled"}
    return {name: value for name, value in told.items() if name != "signal_ways"} if device else {}


def _overview(radio: Mapping[str, Any]) -> tuple[Any, ...]:
    told = {**radio, **(radio.get("reading") or {})}
    return (
        told.get("ap"),
        told.get("ap_name"),
        told["name"],
        told.get("band"),
        told.get("state") or told.get("missing"),
        *(told.get(name) for name in ("channel", "width_mhz", "tx_power_dbm", "noise_dbm")),
        percent(told.get("busy_ratio")),
        percent(told.get("retry_ratio")),
        told.get("clients"),
        told.get("managed_by"),
    )


def _show_radio(radio: Mapping[str, Any]) -> None:
    show_table(f"Radio {radio['key']}", ("field", "value", "age", "source"), _fields(radio))


def _fields(radio: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    if radio.get("missing") is not None:
        yield "missing", radio["missing"], None, None
        return
    origins = radio.get("fields", {})
    for name, value in radio.items():
        if name in _ALREADY:
            continue
        origin = origins.get(name, {})
        yield _IN_MHZ.get(name, name), _value(name, value), spoken(origin.get("age_s")), origin.get("source")
    for name in ("configured", "in_force"):
        yield name, radio.get(name), None, "read_config" if radio.get(name) is not None else None


def _value(name: str, value: Any) -> Any:
    """Numbers as an operator says them: shares in percent, 20 MHz channels by their number."""
    if value is None:
        return None
    if name.endswith("_ratio") or name == "per":
        return f"{value:.1%}"
    if name in _IN_MHZ:
        return [_channel(mhz) for mhz in value] or "none"
    if name == "bss":
        return [f"{row['bssid']} {row['ssid'] or '(no name told)'}" for row in value]
    if name in ("counters", "survey"):
        return {key: each for key, each in value.items() if each not in (None, "")}
    return value


def _channel(mhz: int) -> str:
    from inventory.channels import channel_of

    try:
        return str(channel_of(mhz)[1])
    except ValueError:
        return f"{mhz} MHz"


def _show_unlisted(found: Any) -> None:
    rows = [
        (ap["mac"], ap["name"], ap["model"], [radio["name"] for radio in ap["radios"]])
        for ap in found
        if ap["listed"] is False
    ]
    if rows:
        title = f"{count(len(rows), 'AP')} that it answers for and the inventory does not list"
        show_table(title, ("MAC", "name", "model", "radios"), rows)
