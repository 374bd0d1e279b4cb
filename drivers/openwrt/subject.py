"""What planning must know of a radio, from what was last read of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from drivers.hostapd.parse_phy import Dfs
from drivers.openwrt import plan, spatial_reuse, standing
from drivers.openwrt.find import Found
from drivers.openwrt.parse_wireless import is_alike, number, width_of
from drivers.openwrt.plan import Manner, Subject, Ways
from drivers.openwrt.spectrum import Spectrum
from drivers.openwrt.standing import Base
from inventory import regulatory
from inventory.channels import widths_mhz
from inventory.model import Band, Radio


def subject(
    found: Found,
    base: Base,
    radio: Radio,
    ways: Ways,
    manner: Manner,
    barred_mhz: frozenset[int],
) -> Subject:
    """``barred_mhz``: where radar was heard of, beside what the AP itself says."""
    htmode = _htmode(base)
    country = (base.info.country if base.info is not None else None) or base.radio.country
    return Subject(
        ifname=found.ifname,
        section=found.section,
        band=found.band,
        htmode=htmode,
        widths_mhz=widths(base, found.band),
        ways=ways,
        manner=manner,
        spectrum=spectrum(base, country, barred_mhz),
        phy=_phy(base),
        radio=number(base.section.get("radio")),
        stale=_is_stale(base),
        waiting=_is_waiting(base),
        listed=_listed(base.section.get("channels")),
        candidates=candidates(country, radio),
        reuse=spatial_reuse.of_section(base.section),
    )


def _htmode(base: Base) -> str:
    told = base.section.get("htmode")
    return told if isinstance(told, str) else base.radio.htmode or "NOHT"


def widths(base: Base, band: Band) -> tuple[int, ...]:
    """MHz that the radio can be told to be, in the kind that it is configured as; at least what it is."""
    now = _htmode(base)
    kind = re.match(r"[A-Z]+", now)
    modes = base.info.htmodes if base.info is not None else ()
    same = [mode for mode in modes if kind is not None and re.fullmatch(rf"{kind[0]}\d{{2,3}}", mode)]
    told = {width for mode in (*same, now) if (width := width_of(mode)) is not None}
    return tuple(sorted(told & set(widths_mhz(band)))) or (20,)


def spectrum(base: Base, country: str | None, barred_mhz: frozenset[int]) -> Spectrum:
    channels = base.local.channels or {}
    ready = {mhz for mhz, each in channels.items() if each.dfs is Dfs.AVAILABLE}
    barred = {mhz for mhz, each in channels.items() if each.dfs is Dfs.UNAVAILABLE}
    return Spectrum(
        country=country,
        ready_mhz=frozenset(ready) | (standing.occupied(base) or frozenset()),
        nop_mhz=frozenset(barred) | (barred_mhz if base.local.channels is None else frozenset()),
    )


def _phy(base: Base) -> str | None:
    told = base.status.phy if base.status is not None else None
    return told or (base.info.phy if base.info is not None else None)


def _is_stale(base: Base) -> bool:
    """UCI was written without a reload: the next one takes the radio there by a restart."""
    if not base.section:
        return False
    channel, htmode = base.section.get("channel"), base.section.get("htmode")
    loaded = "auto" if base.radio.automatic else str(base.radio.channel)
    return (isinstance(channel, str) and channel != loaded) or (
        isinstance(htmode, str) and base.radio.htmode is not None and htmode != base.radio.htmode
    )


def _is_waiting(base: Base) -> bool:
    """Whether the file differs in any option that netifd told. Others it may not know at all."""
    if not base.section:
        return False
    loaded = {name: value for name, value in base.radio.options.items() if name not in plan.CALM}
    return not all(is_alike(value, base.section.get(name)) for name, value in loaded.items())


def _listed(value: Any) -> tuple[str, ...] | None:
    """None: there is no such list."""
    if isinstance(value, str):
        return tuple(value.split()) or None
    return tuple(each for each in value if isinstance(each, str)) or None if isinstance(value, list) else None


def candidates(country: str | None, radio: Radio) -> tuple[int, ...]:
    """Channels for the list `channels`: what the law and the site's file allow the radio, by primary."""
    if country is None or country not in regulatory.countries():
        return ()
    return tuple(sorted({each.primary for each in regulatory.allowed_blocks(country, radio, 20)}))


def missing_refuges(section: Mapping[str, Any], band: Band) -> bool:
    """Whether radar would take this radio off the air for half an hour: UCI names one channel and no list."""
    fixed = section.get("channel") not in (None, "auto")
    return band is Band.GHZ_5 and fixed and _listed(section.get("channels")) is None
