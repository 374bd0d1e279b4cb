"""OBSS-PD: a radio that no longer defers to faint BSSs of others, with less power in return. Pure.

IEEE 802.11ax 26.10.2: OBSS_PD <= max(-82, min(-62, -82 + (TXPWRref - TXPWR))) dBm per 20 MHz, hence while a
level is used TXPWR <= TXPWRref - (OBSS_PD + 82). TXPWRref is 21 dBm for an AP with up to two spatial streams
and 25 dBm with more (26.10.2.4). Drivers don't tell the number of streams, so the lower one holds.
"""

from __future__ import annotations

from typing import Final

from agent.change import Cause
from agent.planner.channel import assess_in
from agent.planner.decision import Decision, Move, NoChange
from agent.planner.guards import in_quiet_hours
from agent.planner.legal import forbidden, settable_dbm
from agent.planner.spectrum import levels
from agent.planner.surroundings import Surroundings, around, deferral, rate_left, strangers
from agent.view import RadioView, SiteView
from drivers.types import Capabilities, Readback, Setting
from inventory.channels import Block
from inventory.model import RadioKey
from inventory.regulatory import dfs_needed

LEAST_DBM: Final = -82
POWER_REF_DBM: Final = 21


def most_power_dbm(obss_pd_dbm: int) -> int:
    """The most power, dBm conducted, that an AP may use together with this level."""
    return POWER_REF_DBM - (obss_pd_dbm - LEAST_DBM)


def most_level_dbm(power_dbm: int) -> int:
    """The highest level that goes with this conducted power, dBm: the same formula, read the other way."""
    return max(LEAST_DBM, LEAST_DBM + POWER_REF_DBM - power_dbm)


def raised(view: SiteView, key: RadioKey, cause: Cause) -> Decision:
    """One step up, and the power that it demands, if what is won pays for it."""
    at = view.radios[key]
    veto = _not_now(view, at)
    if veto or at.block is None:
        return NoChange(radio=key, reason=veto or "channel_not_known")
    have = level(at)
    goal = min(have + view.site.policy.obss_pd_step_db, view.site.policy.obss_pd_most_dbm)
    if goal <= have:
        return NoChange(radio=key, reason="obss_pd_at_its_limit", params={"from_dbm": have})
    power = _power(at)
    less = settable_dbm(at, min(power, most_power_dbm(goal)))
    params: dict[str, int | str] = {"from_dbm": have, "to_dbm": goal, "power_dbm": less, **_proof(at)}
    if at.radio.power_dbm and less < at.radio.power_dbm[0]:
        return NoChange(radio=key, reason="power_would_be_too_low", params=params)
    won = gain(around(view, at), at.block, have, goal, power - less)
    params["gain_ppm"] = round(won * 1e6)
    if won < view.site.policy.min_gain_ratio:
        return NoChange(radio=key, reason="gain_too_small", params=params)
    target = {Setting.OBSS_PD_DBM: goal} | ({Setting.TX_POWER_DBM: less} if less < power else {})
    return Move(radio=key, target=target, cause=cause, reason="defer_less_to_faint_bsss", params=params)


def _proof(at: RadioView) -> dict[str, str]:
    """Where the level does not act at once nothing tells what is in force either."""
    acts = at.capabilities is not None and at.capabilities.obss_pd_acts
    return {} if acts else {"readback": str(Readback.CONFIGURED)}


def _not_now(view: SiteView, at: RadioView) -> str | None:
    """Why nothing is to be tried, None: it may be."""
    able = at.capabilities
    if able is None or Setting.OBSS_PD_DBM not in able.settings:
        return "device_cannot_set_obss_pd"
    if able.settings[Setting.OBSS_PD_DBM] != "radio":
        return "obss_pd_moves_other_radios_too"
    if not able.obss_pd_acts and not _quiet(view):
        return "obss_pd_only_in_quiet_hours"
    if not able.obss_pd_acts and at.block is not None and dfs_needed(view.site.country, at.block):
        return "obss_pd_would_need_a_cac"  # there and back: an undo must need none
    return _not_known(view, at, able)


def _not_known(view: SiteView, at: RadioView, able: Capabilities) -> str | None:
    reading = at.reading
    if reading is None or reading.obss_pd_dbm is None or reading.tx_power_dbm is None:
        return "obss_pd_or_power_not_reported"
    if at.block is not None and forbidden(view, at, at.block) is not None:
        return "channel_not_allowed_now"
    too_loud = _power(at) > most_power_dbm(level(at) + view.site.policy.obss_pd_step_db)
    if too_loud and Setting.TX_POWER_DBM not in able.settings:
        return "device_cannot_lower_its_power"
    return None


def _quiet(view: SiteView) -> bool:
    hours = view.site.policy.quiet_hours
    return bool(hours) and in_quiet_hours(view.now.utc, view.site.timezone, hours)


def level(at: RadioView) -> int:
    """The level that it uses, dBm; the lowest that there is where it uses none, or does not tell."""
    told = at.reading.obss_pd_dbm if at.reading else None
    return max(LEAST_DBM, told.value) if told else LEAST_DBM


def _power(at: RadioView) -> int:
    told = at.reading.tx_power_dbm if at.reading else None
    return int(told.value) if told else POWER_REF_DBM


def gain(here: Surroundings, block: Block, have: int, goal: int, lost_db: int) -> float:
    """Relative gain: fewer frames of strangers are deferred to, and clients get less of our signal. Of two
    steps the gains multiply."""
    terms = assess_in(here, block).terms
    heard = (terms["foreign_ppm"] + terms["own_ppm"]) / 1e6
    now, then = (max(0.0, heard - ignored(here.view, here.at, block, level)) for level in (have, goal))
    return (1.0 + now) / (1.0 + then) * rate_left(here.snr_db, lost_db) - 1.0


def ignored(view: SiteView, at: RadioView, block: Block, level_dbm: int) -> float:
    """Strangers on the primary channel that are no longer deferred to at this level, as contenders that
    always send. What a step adds to them is more than it can gain."""
    primary = levels(block)[0][1]
    return sum(
        each.load * (deferral(each.signal_dbm) - deferral(each.signal_dbm, level_dbm))
        for each in strangers(view, at)
        if each.mask & primary
    )
