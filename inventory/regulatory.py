"""What a country allows: channels, EIRP, DFS. From wireless-regdb, bounded further by hand.

The table (regdb.json, made by make_regdb.py) is an upper bound: intersect it with what the device itself
allows, and a device's own CAC time wins. The rules by hand, each with its source, are ``BARRED``, the
CAC and NOP times, and what a 6 GHz class may do. EIRP is dBm for the whole block, conducted power is
dBm at the antenna connector.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

from inventory.channels import Block, blocks_of, channels
from inventory.model import Band, Placement, Radio, SixGhzClass

NOP_S: Final = 1800.0
"""Non-occupancy period: 30 minutes (EN 301 893 table D.1; 47 CFR 15.407(h)(2)(iv))."""

CAC_S: Final = 60.0
"""Channel availability check: 60 s (EN 301 893 table D.1; 47 CFR 15.407(h)(2)(ii))."""

CAC_WEATHER_S: Final = 600.0
"""Channel availability check in the weather radar band: 10 minutes (EN 301 893 table D.1)."""

_WEATHER_MHZ: Final = (5600, 5650)
_SHORT_CAC_REGIONS: Final = frozenset({"FCC", "JP"})
_LPI_MAY_INITIATE: Final = frozenset({"US"})

BARRED: Final[Mapping[str, tuple[tuple[int, int], ...]]] = MappingProxyType({"CA": (_WEATHER_MHZ,)})
"""Spectrum in MHz that the table allows and we do not.

CA: RSS-247 issues 1 to 3 bar 5600-5650 MHz, and an AP certified under them stays bound by them. Issue 4
(July 2025) lifts it for equipment certified anew; which issue applies to an AP is not known here.
"""


class RefusalCode(StrEnum):
    BAND = "band"
    COUNTRY_UNKNOWN = "country_unknown"
    CLASS_6GHZ = "class_6ghz"
    LPI_INDOOR_ONLY = "lpi_indoor_only"
    BARRED = "barred"
    NO_RULE = "no_rule"
    NO_OFDM = "no_ofdm"
    NO_IR = "no_ir"
    NO_OUTDOOR = "no_outdoor"
    TOO_WIDE = "too_wide"


_SENTENCES: Final[Mapping[RefusalCode, str]] = MappingProxyType(
    {
        RefusalCode.BAND: "a {band} GHz radio cannot use {block_band} GHz",
        RefusalCode.COUNTRY_UNKNOWN: "no regulatory rules for country {country}",
        RefusalCode.CLASS_6GHZ: "6 GHz class {class_6ghz} has no limits in the table (SP needs an AFC)",
        RefusalCode.LPI_INDOOR_ONLY: "6 GHz class lpi is for indoor use only",
        RefusalCode.BARRED: "{country} bars {low_mhz}-{high_mhz} MHz",
        RefusalCode.NO_RULE: "no rule of {country} covers the 20 MHz around {mhz} MHz",
        RefusalCode.NO_OFDM: "{country} allows only 802.11b around {mhz} MHz (NO-OFDM)",
        RefusalCode.NO_IR: "{country} lets no AP start to transmit around {mhz} MHz (NO-IR)",
        RefusalCode.NO_OUTDOOR: "{country} allows {mhz} MHz indoors only",
        RefusalCode.TOO_WIDE: "{country} allows at most {max_mhz:g} MHz width around {mhz} MHz",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a block is not legal: a code, and the numbers that go with it. As text: one clause."""

    code: RefusalCode
    params: Mapping[str, str | float] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return _SENTENCES[self.code].format_map(self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    start_mhz: float
    end_mhz: float
    max_bw_mhz: float
    max_eirp_dbm: float
    flags: frozenset[str]

    def fits(self, mhz20: int) -> bool:
        return self.start_mhz <= mhz20 - 10 and mhz20 + 10 <= self.end_mhz


@dataclass(frozen=True, slots=True, kw_only=True)
class _Country:
    dfs_region: str
    rules: tuple[_Rule, ...]


@cache
def _table() -> Mapping[str, _Country]:
    text = files("inventory").joinpath("regdb.json").read_text(encoding="utf-8")
    entries = json.loads(text)["countries"]
    del entries["00"]  # the world domain is nobody's law
    return {
        alpha2: _Country(
            dfs_region=entry["dfs_region"],
            rules=tuple(_Rule(**{**rule, "flags": frozenset(rule["flags"])}) for rule in entry["rules"]),
        )
        for alpha2, entry in entries.items()
    }


def countries() -> frozenset[str]:
    """ISO 3166 alpha-2 codes that have rules."""
    return frozenset(_table())


def dfs_region(country: str) -> str:
    """``FCC``, ``ETSI``, ``JP`` or ``UNSET``. KeyError for an unknown country."""
    return _table()[country].dfs_region


def refusal(country: str, block: Block, radio: Radio) -> Refusal | None:
    """Why this radio may not use the block, None when it is legal.

    Says nothing of what the site's own file allows (``channels``, ``dfs``, ``pinned``). A 20 MHz part must
    lie within one rule, as in the kernel's ``freq_reg_info``: its later joining of two rules under one part
    is not followed (channel 144 in ETSI countries: the upper rule is one for short range devices).
    """
    return _first_refusal(country, block, _Use(radio.band, radio.placement, radio.class_6ghz))


class _Use(NamedTuple):
    """All that the law asks of a radio, power apart."""

    band: Band
    placement: Placement
    class_6ghz: SixGhzClass


@lru_cache(maxsize=16384)  # a country has 466 blocks; planners ask again and again
def _first_refusal(country: str, block: Block, use: _Use) -> Refusal | None:
    return next(_refusals(country, block, use), None)


def _refusals(country: str, block: Block, use: _Use) -> Iterator[Refusal]:
    if block.band is not use.band:
        yield _refuse(RefusalCode.BAND, band=use.band, block_band=block.band)
    if country not in _table():
        yield _refuse(RefusalCode.COUNTRY_UNKNOWN, country=country)
        return
    yield from _class_refusals(use)
    for low, high in BARRED.get(country, ()):
        if _overlaps(block, low, high):
            yield _refuse(RefusalCode.BARRED, country=country, low_mhz=low, high_mhz=high)
    for mhz in sorted(block.mhz20):
        yield from _part_refusals(country, mhz, block, use)


def _refuse(code: RefusalCode, **params: str | float) -> Refusal:
    return Refusal(code, MappingProxyType(params))  # read-only: the caches share it


def _class_refusals(use: _Use) -> Iterator[Refusal]:
    """The table knows the limits of LPI only. Standard power asks an AFC (47 CFR 15.407(k)); very low power
    has limits of its own (ECC decision (20)01) that regdb does not carry."""
    if use.band is not Band.GHZ_6:
        return
    if use.class_6ghz is not SixGhzClass.LPI:
        yield _refuse(RefusalCode.CLASS_6GHZ, class_6ghz=use.class_6ghz)
    elif use.placement is not Placement.INDOOR:
        yield _refuse(RefusalCode.LPI_INDOOR_ONLY)


def _part_refusals(country: str, mhz: int, block: Block, use: _Use) -> Iterator[Refusal]:
    rule = _rule_of(country, mhz)
    if rule is None:
        yield _refuse(RefusalCode.NO_RULE, country=country, mhz=mhz)
        return
    if "NO-OFDM" in rule.flags:
        yield _refuse(RefusalCode.NO_OFDM, country=country, mhz=mhz)
    if "NO-IR" in rule.flags and not _may_initiate(country, use):
        yield _refuse(RefusalCode.NO_IR, country=country, mhz=mhz)
    if "NO-OUTDOOR" in rule.flags and use.placement is not Placement.INDOOR:
        yield _refuse(RefusalCode.NO_OUTDOOR, country=country, mhz=mhz)
    if (widest := _widest_mhz(country, rule)) < block.width_mhz:
        yield _refuse(RefusalCode.TOO_WIDE, country=country, mhz=mhz, max_mhz=widest)


def _may_initiate(country: str, use: _Use) -> bool:
    """US 6 GHz is NO-IR in regdb because its 12 dBm are those of a client of an indoor AP, while 47 CFR
    15.407(a)(5) lets the low power indoor AP itself transmit, with more. We stay at the table's power."""
    return (
        country in _LPI_MAY_INITIATE
        and use.band is Band.GHZ_6
        and use.class_6ghz is SixGhzClass.LPI
        and use.placement is Placement.INDOOR
    )


@lru_cache(maxsize=4096)
def _rule_of(country: str, mhz20: int) -> _Rule | None:
    return next((rule for rule in _table()[country].rules if rule.fits(mhz20)), None)


@lru_cache(maxsize=1024)
def _widest_mhz(country: str, rule: _Rule) -> float:
    """Widest block that may touch the rule: with AUTO-BW, its span joined with the rules that adjoin it
    (``reg_get_max_bandwidth_from_range`` of the kernel)."""
    if "AUTO-BW" not in rule.flags:
        return rule.max_bw_mhz
    rules = _table()[country].rules
    at = rules.index(rule)
    low, high = rule.start_mhz, rule.end_mhz
    for below in reversed(rules[:at]):
        if below.end_mhz < low:
            break
        low = below.start_mhz
    for above in rules[at + 1 :]:
        if above.start_mhz > high:
            break
        high = above.end_mhz
    return high - low


def _overlaps(block: Block, low_mhz: int, high_mhz: int) -> bool:
    return block.low_mhz < high_mhz and low_mhz < block.high_mhz


@lru_cache(maxsize=4096)
def _rules_of(country: str, block: Block) -> tuple[_Rule, ...] | None:
    """The rule of each 20 MHz part; None when a part has none, is barred, or the country is unknown."""
    if country not in _table() or any(_overlaps(block, *span) for span in BARRED.get(country, ())):
        return None
    rules = [_rule_of(country, mhz) for mhz in block.mhz20]
    return None if None in rules else tuple(rule for rule in rules if rule is not None)


def dfs_needed(country: str, block: Block) -> bool:
    """Whether any part needs radar detection. False too where no rule covers it: ask `refusal` first."""
    return any("DFS" in rule.flags for rule in _rules_of(country, block) or ())


def max_eirp_dbm(country: str, block: Block, placement: Placement) -> float | None:
    """The lowest limit of the block's parts, dBm EIRP; None where the block is not allowed."""
    rules = _rules_of(country, block)
    if rules is None:
        return None
    if placement is not Placement.INDOOR and any("NO-OUTDOOR" in rule.flags for rule in rules):
        return None
    return min(rule.max_eirp_dbm for rule in rules)


def max_power_dbm(country: str, block: Block, radio: Radio) -> int:
    """Highest conducted power, dBm: EIRP less the antenna's gain, rounded down; may be negative.

    A gain below 0 dBi earns nothing, since some countries limit conducted power too (47 CFR 15.247(b)).
    ValueError where the block is not legal for the radio.
    """
    if (why := refusal(country, block, radio)) is not None:
        raise ValueError(f"{block} is not legal: {why}")
    eirp = max_eirp_dbm(country, block, radio.placement)
    if eirp is None:
        raise ValueError(f"{block} has no power limit in {country}")
    return math.floor(eirp - max(0.0, radio.antenna_gain_dbi) + 1e-9)  # 23.1 - 3.1 is just below 20


def cac_s(country: str, block: Block) -> float:
    """Seconds of silence before transmitting: 0 without DFS, else 60, or 600 when any part of the block
    overlaps 5600-5650 MHz under ETSI (EN 301 893 v2.1.1 table D.1).

    A country that demands DFS and names no region is treated as ETSI, the slower of the two.
    """
    if not dfs_needed(country, block):
        return 0.0
    if _overlaps(block, *_WEATHER_MHZ) and dfs_region(country) not in _SHORT_CAC_REGIONS:
        return CAC_WEATHER_S
    return CAC_S


def allowed_blocks(country: str, radio: Radio, width_mhz: int) -> tuple[Block, ...]:
    """Blocks of that width that both the law and the site's file (``channels``, ``dfs``) allow the radio."""
    primaries = channels(radio.band) if radio.channels is None else radio.channels
    return tuple(
        block
        for primary in primaries
        for block in blocks_of(radio.band, primary, width_mhz)
        if refusal(country, block, radio) is None and (radio.dfs or not dfs_needed(country, block))
    )
