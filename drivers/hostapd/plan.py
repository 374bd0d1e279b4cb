"""What an edit takes on a hostapd radio, and what it does to service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.errors import Unsupported
from drivers.hostapd import render, spatial_reuse
from drivers.hostapd.parse_phy import Dfs, PhyChannel
from drivers.hostapd.render import Modes, Step, Tools
from drivers.hostapd.spatial_reuse import SpatialReuse
from drivers.placing import WHERE, is_there, louder, target_block
from drivers.types import ConfigState, Edit, Effects, Outage, RadioState, Readback, Setting, Values
from inventory.channels import Block
from inventory.model import Band

SETTINGS: Final = frozenset(Setting)
CSA_S: Final = 5.0  # 10 beacons are 1 s; clients of the guest were back after at most 1.5 s
CAC_S: Final = 60.0  # where the device does not say
RESTART_S: Final = 15.0  # clients of the guest needed 5 s, those of an OpenWrt AP 25 s for the first data


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One radio as the device was when it was last read."""

    ifname: str
    band: Band
    tools: Tools
    modes: Modes
    widths_mhz: tuple[int, ...]
    csa_count: int
    channels: Mapping[int, PhyChannel]
    config_file: str | None = None
    reuse: SpatialReuse | None = None


def steps(subject: Subject, edit: Edit, have: ConfigState) -> tuple[Step, ...]:
    """Commands that take the radio from ``have`` to the edit's values; none when it is there."""
    _check(edit)
    if edit.set.get(Setting.ENABLED) == 0:
        return (
            ()
            if have.in_force.get(Setting.ENABLED) == 0
            else (render.disable(subject.tools, subject.ifname),)
        )
    begun = (_reused if Setting.OBSS_PD_DBM in edit.set else _placed)(subject, edit, have)
    powered = _powered(subject, edit, have, moves=bool(begun))
    if have.state is RadioState.ON_AIR and not louder(edit, have):
        return (*powered, *begun)  # the kernel would use all that the new channel, or the old level, allows
    return (*begun, *powered)


def _check(edit: Edit) -> None:
    if unknown := set(edit.set) - SETTINGS:
        raise Unsupported(f"hostapd has no setting {', '.join(sorted(unknown))}")
    if edit.scope.kind != "radio" or len(edit.scope.members) != 1:
        raise Unsupported(f"hostapd sets one radio at a time, not {edit.scope.kind} {edit.scope.name}")
    if edit.set.get(Setting.ENABLED, 1) not in (0, 1):
        raise Unsupported("enabled is 0 or 1")
    if edit.set.get(Setting.ENABLED) == 0 and len(edit.set) > 1:
        raise Unsupported("a radio that is to be off takes no other setting")
    if Setting.OBSS_PD_DBM in edit.set and edit.set.keys() - {Setting.OBSS_PD_DBM, Setting.TX_POWER_DBM}:
        raise Unsupported("OBSS-PD takes no other setting beside it than the power that goes with it")


def _reused(subject: Subject, edit: Edit, have: ConfigState) -> tuple[Step, ...]:
    if subject.reuse is None or subject.config_file is None:
        raise Unsupported(f"{subject.ifname}: no file of hostapd that says how OBSS-PD is set")
    if have.state in (RadioState.CAC, RadioState.NOP):
        raise Unsupported(f"{subject.ifname} is silent because of radar: OBSS-PD takes a restart")
    dbm = edit.set[Setting.OBSS_PD_DBM]
    wanted = subject.reuse.at(dbm)
    if dbm == have.configured.get(Setting.OBSS_PD_DBM):
        return ()
    return spatial_reuse.steps(subject.tools, subject.ifname, subject.config_file, wanted)


def _placed(subject: Subject, edit: Edit, have: ConfigState) -> tuple[Step, ...]:
    tools, ifname = subject.tools, subject.ifname
    if have.state is RadioState.ON_AIR:
        target = target_block(subject.band, subject.widths_mhz, edit.set, have)
        if target is None or is_there(target, have.in_force):
            return ()
        return (render.chan_switch(tools, ifname, target, subject.modes, subject.csa_count),)
    if WHERE & set(edit.set):
        target = target_block(subject.band, subject.widths_mhz, edit.set, have)
        if target is None or (have.state is not RadioState.OFF and is_there(target, have.configured)):
            return ()  # on its way already: starting, or in its CAC
        return render.restart(tools, ifname, target, subject.modes)
    if edit.set.get(Setting.ENABLED) == 1 and have.state in (RadioState.OFF, RadioState.NOP):
        return (Step(command=render.off_and_on(tools, ifname)),)
    return ()


def _powered(subject: Subject, edit: Edit, have: ConfigState, *, moves: bool) -> tuple[Step, ...]:
    """A power that is in force already is set all the same when the radio moves: "auto" rises with it."""
    dbm = edit.set.get(Setting.TX_POWER_DBM)
    if dbm is None or (dbm == have.in_force.get(Setting.TX_POWER_DBM) and not moves):
        return ()
    return (render.tx_power(subject.tools, subject.ifname, dbm),)


def effects(subject: Subject, edit: Edit, have: ConfigState) -> Effects:
    """The edit's commands and its cost. Only OBSS-PD persists: in hostapd's file, where it is read too."""
    file = Setting.OBSS_PD_DBM in edit.set
    todo = steps(subject, edit, have)
    outage, silent_s = _cost(subject, edit, have, todo)
    return Effects(
        commands=tuple(step.command for step in todo),
        outage=outage,
        silent_s=silent_s,
        readback=Readback.CONFIGURED if file else Readback.IN_FORCE,
        persists=file,
    )


def _cost(subject: Subject, edit: Edit, have: ConfigState, todo: tuple[Step, ...]) -> tuple[Outage, float]:
    if not any(" set txpower " not in step.command for step in todo):
        return Outage.NONE, 0.0
    if edit.set.get(Setting.ENABLED) == 0:
        return Outage.CLIENTS_DROP, RESTART_S
    if Setting.OBSS_PD_DBM in edit.set:
        return _restarted(subject, have)
    target = target_block(subject.band, subject.widths_mhz, edit.set, have)
    cac_s = cac_needed_s(target, subject.channels) if target else 0.0
    if cac_s:
        return Outage.CAC, cac_s + RESTART_S
    if have.state is RadioState.ON_AIR and target and _leaves(target, have.in_force):
        return Outage.CSA, CSA_S
    return Outage.CLIENTS_DROP, RESTART_S


def _restarted(subject: Subject, have: ConfigState) -> tuple[Outage, float]:
    """Of a radio that goes off and on where it is: outside Europe a CAC's credit is lost on the way."""
    now = {**have.configured, **have.in_force}
    center, width = now.get(Setting.CENTER_MHZ), now.get(Setting.WIDTH_MHZ, 20)
    parts = range(center - width // 2 + 10, center + width // 2, 20) if center is not None else range(0)
    heard = [
        each for mhz in parts if (each := subject.channels.get(mhz)) is not None and each.dfs is not None
    ]
    cac_s = max((each.cac_s or CAC_S for each in heard), default=0.0)
    return (Outage.CAC if cac_s else Outage.CLIENTS_DROP), cac_s + RESTART_S


def _leaves(target: Block, now: Values) -> bool:
    """hostapd 2.10 answers OK to another width on the same primary, then the kernel refuses and the AP
    restarts: seen with 44/20 -> 44/40."""
    return now.get(Setting.CHANNEL) != target.primary


def cac_needed_s(target: Block, channels: Mapping[int, PhyChannel]) -> float:
    """Seconds of listening before the block may be used; 0: none."""
    missing = [
        channels[mhz].cac_s or CAC_S
        for mhz in target.mhz20
        if mhz in channels and channels[mhz].dfs not in (None, Dfs.AVAILABLE)
    ]
    return max(missing, default=0.0)
