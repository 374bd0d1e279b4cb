"""A radio's mapping -> :class:`Radio`, checked against the band plan and the law of its country."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from inventory.channels import blocks_of, channels, widths_mhz
from inventory.findings import Findings
from inventory.model import Band, Radio, RadioKey
from inventory.regulatory import allowed_blocks, dfs_needed, max_power_dbm, refusal
from inventory.schema import RadioWords
from inventory.site_error import Steps
from inventory.yaml_text import Node

_LISTS = ("channels", "widths_mhz", "power_dbm")


def read_radio(node: Node, key: RadioKey, steps: Steps, country: str | None, found: Findings) -> Radio | None:
    """The radio; None after saying what is wrong. ``country`` None: unknown, legality is not looked at."""
    words = found.read(RadioWords, node, steps)
    if words is None:
        return None
    radio = Radio(key=key, **{name: _frozen(name, value) for name, value in words.given.items()})
    in_band = _check_band(radio, node, steps, country, found)
    if in_band and country is not None:
        _check_law(radio, node, steps, country, found)
    return radio


def _frozen(name: str, value: Any) -> Any:
    return tuple(value) if name in _LISTS and isinstance(value, list) else value


def _check_band(radio: Radio, node: Node, steps: Steps, country: str | None, found: Findings) -> bool:
    """Whether channels and widths are those of the band, and the 6 GHz class is for 6 GHz."""
    flaws = list(_band_flaws(radio, "class_6ghz" in node.mapping, country))
    for place, expected in flaws:
        found.add(node.at(place), (*steps, *place), expected)
    return not flaws


def _band_flaws(radio: Radio, has_class: bool, country: str | None) -> Iterator[tuple[Steps, str]]:
    legal = f" legal in {country}" if country else ""
    for index, channel in enumerate(radio.channels or ()):
        if channel not in channels(radio.band):
            yield ("channels", index), f"a {radio.band} GHz channel{legal}"
    known = ", ".join(map(str, widths_mhz(radio.band)))
    for index, width in enumerate(radio.widths_mhz):
        if width not in widths_mhz(radio.band):
            yield ("widths_mhz", index), f"a width of {radio.band} GHz ({known} MHz)"
    if has_class and radio.band is not Band.GHZ_6:
        yield ("class_6ghz",), f"no 6 GHz class on {radio.band} GHz"


def _check_law(radio: Radio, node: Node, steps: Steps, country: str, found: Findings) -> None:
    """Each channel is legal, each width has a legal block, some legal block allows the lowest power."""
    for index, channel in enumerate(radio.channels or ()):
        if why := _channel_refusal(radio, channel, country):
            place: Steps = ("channels", index)
            expected = f"a {radio.band} GHz channel legal in {country}"
            found.add(node.at(place), (*steps, *place), expected, f"{channel} ({why})")
    for index, width in enumerate(radio.widths_mhz):
        if not allowed_blocks(country, radio, width):
            place = ("widths_mhz", index)
            expected = f"a width with a legal block among the radio's channels in {country}"
            got = f"{width} ({_width_refusal(radio, width, country)})"
            found.add(node.at(place), (*steps, *place), expected, got)
    _check_power(radio, node, steps, country, found)


def _channel_refusal(radio: Radio, channel: int, country: str) -> str | None:
    narrow = blocks_of(radio.band, channel, 20)[0]
    if (why := refusal(country, narrow, radio)) is not None:
        return str(why)
    if not radio.dfs and dfs_needed(country, narrow):
        return "it needs DFS, and the radio has dfs: false"
    return None


def _width_refusal(radio: Radio, width: int, country: str) -> str:
    primaries = channels(radio.band) if radio.channels is None else radio.channels
    blocks = [block for primary in primaries for block in blocks_of(radio.band, primary, width)]
    reasons = (refusal(country, block, radio) for block in blocks)
    first = next(
        (str(why) for why in reasons if why is not None), "each needs DFS, which the radio may not use"
    )
    return first if blocks else "no block of this width holds any of them"


def _check_power(radio: Radio, node: Node, steps: Steps, country: str, found: Findings) -> None:
    """The lowest power must be legal somewhere; the highest is cut to the law at each channel later."""
    blocks = [block for width in radio.widths_mhz for block in allowed_blocks(country, radio, width)]
    if radio.power_dbm is None or not blocks:
        return
    highest = max(max_power_dbm(country, block, radio) for block in blocks)
    if radio.power_dbm[0] > highest:
        place: Steps = ("power_dbm", 0)
        gain = f"{radio.antenna_gain_dbi:g} dBi"
        found.add(node.at(place), (*steps, *place), f"at most {highest} dBm, legal in {country} with {gain}")
