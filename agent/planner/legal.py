"""What a radio may be set to: the law, the site's file, the device's own list, the non-occupancy periods.

Every way to a device goes through here: decisions, retries, rollbacks. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.view import RadioView, SiteView, block_in_values, values_of
from drivers.types import Setting, Values
from inventory import regulatory
from inventory.channels import PREFERRED_SCANNING, Block, blocks
from inventory.model import Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Veto:
    """A guard's no: its name, and why."""

    guard: str
    reason: str
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))


def forbidden(view: SiteView, at: RadioView, block: Block) -> Veto | None:
    """Why this radio may not be moved onto this block now; None = it may.

    The non-occupancy period bars a block that holds any 20 MHz channel that was hit, at the whole site
    and on the radio's own list.
    """
    return _law(view, at, block) or _device(at, block) or _nop(view, at, block)


def _law(view: SiteView, at: RadioView, block: Block) -> Veto | None:
    refusal = regulatory.refusal(view.site.country, block, at.radio)
    if refusal is None:
        return None
    return Veto(
        guard="regulatory", reason=refusal.code, params={k: _whole(v) for k, v in refusal.params.items()}
    )


def _whole(value: float | str) -> int | str:
    """Audit records hold no fractions; a limit of 26.98 dBm is told as text."""
    return value if isinstance(value, (int, str)) else f"{value:g}"


def _device(at: RadioView, block: Block) -> Veto | None:
    if block.band is not at.radio.band:
        return Veto(guard="regulatory", reason="wrong_band", params={"band": block.band})
    allowed = at.reading.allowed_mhz if at.reading else None
    if allowed is not None and not block.mhz20 <= allowed:
        return Veto(guard="device_list", reason="not_on_the_devices_list", params={"block": str(block)})
    if at.capabilities and block.width_mhz not in at.capabilities.widths_mhz:
        return Veto(guard="device_list", reason="width_not_supported", params={"width_mhz": block.width_mhz})
    return None


def _nop(view: SiteView, at: RadioView, block: Block) -> Veto | None:
    own = (at.reading.nop_mhz if at.reading else None) or frozenset()
    hit = block.mhz20 & (view.barred_mhz | own)
    if not hit:
        return None
    return Veto(guard="nop", reason="in_non_occupancy_period", params={"mhz": min(hit)})


def listed(view: SiteView, at: RadioView, block: Block) -> Veto | None:
    """The site's own wishes: its channel and width lists, and no DFS where it wants none."""
    radio = at.radio
    if not radio.dfs and regulatory.dfs_needed(view.site.country, block):
        return Veto(guard="allowed_list", reason="no_dfs_wanted", params={"channel": block.primary})
    if radio.channels is not None and block.primary not in radio.channels:
        return Veto(guard="allowed_list", reason="channel_not_listed", params={"channel": block.primary})
    if block.width_mhz not in radio.widths_mhz:
        return Veto(guard="allowed_list", reason="width_not_listed", params={"width_mhz": block.width_mhz})
    return None


def cac_needed(view: SiteView, at: RadioView, block: Block) -> bool:
    """True when the radio would have to be silent for a channel availability check first."""
    if not regulatory.dfs_needed(view.site.country, block):
        return False
    done = (at.reading.cac_done_mhz if at.reading else None) or frozenset()
    return not block.mhz20 <= done


def cac_s(view: SiteView, at: RadioView, block: Block) -> float:
    """Seconds of silence before it may transmit there, 0 when none is needed."""
    return regulatory.cac_s(view.site.country, block) if cac_needed(view, at, block) else 0.0


def power_forbidden(view: SiteView, at: RadioView, block: Block, dbm: int) -> Veto | None:
    """Why the radio may not use this conducted power (dBm) on this block; None = it may."""
    if veto := _law(view, at, block):
        return veto
    most = regulatory.max_power_dbm(view.site.country, block, at.radio)
    if dbm > most:
        return Veto(guard="regulatory", reason="power_over_limit", params={"dbm": dbm, "limit_dbm": most})
    if at.radio.power_dbm and not at.radio.power_dbm[0] <= dbm <= at.radio.power_dbm[1]:
        return Veto(guard="allowed_list", reason="power_not_listed", params={"dbm": dbm})
    return None


def settable_dbm(at: RadioView, most_dbm: int) -> int:
    """The highest power up to ``most_dbm`` that the radio can be set to; ``most_dbm`` itself where it does
    not tell its choices, or has none so low (the guard `capability` then says no)."""
    choices = (at.reading.power_choices_dbm if at.reading else None) or ()
    return max((dbm for dbm in choices if dbm <= most_dbm), default=most_dbm)


def moved_to(view: SiteView, at: RadioView, block: Block) -> dict[Setting, int]:
    """The settings that put this radio onto a legal block.

    The power is named with it wherever the device can set it: an AP left to itself takes all that its
    own table allows on the new channel, which knows neither the antenna's gain nor the site's limits.
    """
    values, dbm = values_of(block), moved_dbm(view, at, block)
    return values if dbm is None else {**values, Setting.TX_POWER_DBM: dbm}


def moved_dbm(view: SiteView, at: RadioView, block: Block) -> int | None:
    """The power that is named with a move onto a legal block: the one of now, or what can be set and is
    allowed there nearest below it; None: none is, its device tells or sets no power."""
    now = at.reading.tx_power_dbm if at.reading else None
    able = at.capabilities is not None and Setting.TX_POWER_DBM in at.capabilities.settings
    if not able or now is None:
        return None
    limits = [regulatory.max_power_dbm(view.site.country, block, at.radio)]
    limits += [at.radio.power_dbm[1]] if at.radio.power_dbm else []
    return settable_dbm(at, min(int(now.value), *limits))


def values_forbidden(view: SiteView, at: RadioView, values: Values, have: Block | None) -> Veto | None:
    """Why these settings may not be in force on this radio; ``have``: the block it occupies otherwise."""
    names_channel = Setting.CHANNEL in values
    block = block_in_values(at.radio, values) if names_channel else have
    if block is None and names_channel:
        return Veto(guard="regulatory", reason="no_such_channel")
    if block is None:
        unknown = Setting.TX_POWER_DBM in values  # its limit depends on the channel
        return Veto(guard="regulatory", reason="channel_not_known") if unknown else None
    if (names_channel or values.get(Setting.ENABLED)) and (veto := forbidden(view, at, block)):
        return veto
    power = values.get(Setting.TX_POWER_DBM)
    return power_forbidden(view, at, block, power) if power is not None else None


def candidates(view: SiteView, at: RadioView) -> list[Block]:
    """All blocks that law, device and the site's lists allow now."""
    return [
        block
        for width in at.radio.widths_mhz
        for block in blocks(at.radio.band, width)
        if _sensible(view, at, block) and not (listed(view, at, block) or forbidden(view, at, block))
    ]


def _sensible(view: SiteView, at: RadioView, block: Block) -> bool:
    """6 GHz primaries only where clients look first. 2.4 GHz ones only on the site's raster, unless the
    radio's own list says otherwise: an AP between two of its channels disturbs both."""
    if block.band is Band.GHZ_6:
        return block.primary in PREFERRED_SCANNING
    if block.band is Band.GHZ_2_4 and at.radio.channels is None:
        return block.primary in view.site.policy.channels_2_4
    return True
