"""What a radio is doing, from all that the AP says of it. Pure.

On air is what has a hostapd object that says ENABLED. netifd's `up` and iwinfo's channel are told of silent
radios too; an object is absent in CAC, at every restart, after radar with nowhere to go, and for a channel
that does not exist. Which of these it is, `hostapd_cli status` says; where that cannot be asked, the channel
and the time of silence have to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from drivers.hostapd import parse as parse_cli
from drivers.hostapd import parse_phy
from drivers.hostapd.parse_phy import Dfs, PhyChannel
from drivers.openwrt import parse_hostapd, parse_iwinfo
from drivers.openwrt.asked import Answers
from drivers.openwrt.find import Found
from drivers.openwrt.parse_hostapd import Status
from drivers.openwrt.parse_iwinfo import Info
from drivers.openwrt.parse_wireless import Radio, is_on, number, width_of
from drivers.openwrt.ubus import ObjectGone
from drivers.types import ConfigState, RadioState, ScopeRef, Setting, Values
from inventory.channels import Block, blocks_of, channel_of
from inventory.model import Band

CAC_LONGEST_S: Final = 660.0  # 10 minutes of weather radar, and a minute to start
START_LONGEST_S: Final = 120.0
NOP_LONGEST_S: Final = 1920.0  # 30 minutes; seen to end after 32
_DFS_CHANNELS: Final = range(52, 145)
_STARTING: Final = frozenset({"UNINITIALIZED", "COUNTRY_UPDATE", "ACS", "HT_SCAN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What programs on the AP say, where they may be run. None: they may not, or say nothing.

    ``cli``: `hostapd_cli status`, asked only while there is no object; ``channels``: of the radio's band.
    """

    cli: parse_cli.Status | None = None
    channels: Mapping[int, PhyChannel] | None = None


NOTHING: Final = Local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the radio is: (channel, width, centre), and who says so. None: that is not told."""

    channel: int
    width_mhz: int | None = None
    center_mhz: int | None = None
    source: str = "iwinfo.info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every reading rests on. ``radio``: as netifd loaded it; ``section``: as UCI has it now, empty
    where that was not asked; ``status``, ``info``: None while the radio has no interface."""

    radio: Radio
    status: Status | None
    info: Info | None
    local: Local
    state: RadioState
    bss: Mapping[str, Status] = field(default_factory=lambda: MappingProxyType({}))
    section: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def place(self) -> Place | None:
        """None: it is not on air. The kernel's word; during a switch hostapd's is early."""
        return _place(self) if self.state is RadioState.ON_AIR else None

    @property
    def switching(self) -> bool:
        """A switch is announced, but the radio has not gone yet."""
        there = self.info.frequency_mhz if self.info is not None else None
        wanted = self.status.frequency_mhz if self.status is not None else None
        return self.state is RadioState.ON_AIR and None not in (there, wanted) and there != wanted


def base(found: Found, radio: Radio, answers: Answers, local: Local, silent_s: float) -> Base:
    """``silent_s``: for how long the radio has had no hostapd object. Raises Missing, Garbage."""
    bss = {name: each for name in found.bss if (each := _status(answers, name)) is not None}
    status = next((each for each in bss.values() if each.state == "ENABLED"), None) or next(
        iter(bss.values()), None
    )
    return Base(
        radio=radio,
        status=status,
        info=_info(found, answers),
        local=local,
        state=_state(radio, status, local, silent_s),
        bss=bss,
    )


def _status(answers: Answers, name: str) -> Status | None:
    """None: there is no such object now. That is no lost AP."""
    answer = answers.get(f"hostapd.{name}", "get_status")
    if answer is None or isinstance(answer.error, ObjectGone):
        return None
    return parse_hostapd.status(answers.data(f"hostapd.{name}", "get_status"))


def _info(found: Found, answers: Answers) -> Info | None:
    answer = answers.get("iwinfo", "info", device=found.ifname)
    return parse_iwinfo.info(answer.data) if answer is not None and answer.error is None else None


def _state(radio: Radio, status: Status | None, local: Local, silent_s: float) -> RadioState:
    if status is not None:
        return _of_object(status)
    if radio.disabled:
        return RadioState.OFF
    if radio.pending:
        return RadioState.STARTING
    if not radio.up:
        return RadioState.OFF
    if local.cli is not None:
        return _of_cli(local.cli, radio, local.channels)
    return _guessed(radio, silent_s)


def _of_object(status: Status) -> RadioState:
    if status.state == "ENABLED":
        return RadioState.ON_AIR
    if status.state == "DFS":
        return RadioState.CAC if status.cac_left_s is not None else RadioState.NOP
    return RadioState.STARTING if status.state in _STARTING else RadioState.OFF


def _of_cli(cli: parse_cli.Status, radio: Radio, channels: Mapping[int, PhyChannel] | None) -> RadioState:
    """DFS without a countdown: nowhere to go until a NOP ends. Once it has ended, hostapd failed to start
    (recorded: "center segment 0 not in sync", start_dfs_cac() failed) and stays off until it is helped."""
    if cli.state == "DFS" and cli.cac_left_s is None:
        return RadioState.OFF if _is_nop_over(radio, channels) else RadioState.NOP
    if cli.state == "DFS":
        return RadioState.CAC
    if cli.state == "ENABLED" or cli.state in _STARTING:
        return RadioState.STARTING  # its object comes in a moment
    return RadioState.OFF


def _is_nop_over(radio: Radio, channels: Mapping[int, PhyChannel] | None) -> bool:
    """Whether the kernel bars no part of the configured block any more; False where it can't be told."""
    block = block_of(radio.band, radio.channel, radio.width_mhz) if radio.channel is not None else None
    if block is None or not channels:
        return False
    return not any(mhz in channels and channels[mhz].dfs is Dfs.UNAVAILABLE for mhz in block.mhz20)


def _guessed(radio: Radio, silent_s: float) -> RadioState:
    """A whole CAC, then a whole NOP; a radio that is silent for longer does not come back by itself."""
    may_listen = radio.band is Band.GHZ_5 and (radio.automatic or _needs_cac(radio))
    if not may_listen:
        return RadioState.STARTING if silent_s <= START_LONGEST_S else RadioState.OFF
    if silent_s <= CAC_LONGEST_S:
        return RadioState.CAC
    return RadioState.NOP if silent_s <= CAC_LONGEST_S + NOP_LONGEST_S else RadioState.OFF


def _needs_cac(radio: Radio) -> bool:
    """Whether the block that is configured has a channel with radar detection (36/160 has)."""
    if radio.channel is None:
        return False
    block = block_of(radio.band, radio.channel, radio.width_mhz)
    mhz = block.mhz20 if block else frozenset()
    return radio.channel in _DFS_CHANNELS or any(channel_of(each)[1] in _DFS_CHANNELS for each in mhz)


def block_of(band: Band | None, channel: int, width_mhz: int | None) -> Block | None:
    """The only block of that width around the channel; None: there is none, or there are two."""
    if band is None or width_mhz is None:
        return None
    try:
        fitting = blocks_of(band, channel, width_mhz)
    except ValueError:
        return None
    return fitting[0] if len(fitting) == 1 else None


def _place(found: Base) -> Place | None:
    info, status = found.info, found.status
    if info is not None and info.frequency_mhz is not None:
        mhz, source, width = info.frequency_mhz, "iwinfo.info", info.width_mhz
    elif status is not None and status.frequency_mhz is not None:
        mhz, source, width = status.frequency_mhz, "hostapd.get_status", status.width_mhz
    else:
        return None
    if width is None and status is not None:
        width = status.width_mhz
    band, channel = channel_of(mhz)
    block = block_of(band, channel, width)
    center = info.center_mhz if info is not None else None
    if center is None and block is not None:
        center = block.center_mhz
    return Place(channel=channel, width_mhz=width, center_mhz=center, source=source)


def config(found: Base, scope: ScopeRef) -> ConfigState:
    """In force is what the kernel does; configured is what UCI will have it do at its next start."""
    return ConfigState(
        scope=scope, configured=_configured(found), in_force=_in_force(found), state=found.state
    )


def _configured(found: Base) -> Values:
    """As the file has it; where that may not be read, as netifd loaded it."""
    section = found.section
    radio = found.radio
    channel = number(section.get("channel")) if section else radio.channel
    width = width_of(str(section.get("htmode"))) if section else radio.width_mhz
    off = is_on(section.get("disabled")) if section else radio.disabled
    values = {Setting.ENABLED: int(not off)}
    if channel is not None:
        values[Setting.CHANNEL] = channel
        if (block := block_of(radio.band, channel, width)) is not None:
            values[Setting.CENTER_MHZ] = block.center_mhz
    if width is not None:
        values[Setting.WIDTH_MHZ] = width
    if (dbm := number(section.get("txpower"))) is not None:
        values[Setting.TX_POWER_DBM] = dbm
    return values


def _in_force(found: Base) -> Values:
    """A radio that is silent is on no channel; one that is only silent for a while is neither on nor off."""
    if found.state in (RadioState.OFF, RadioState.NOP):
        return {Setting.ENABLED: 0}
    place = found.place
    if place is None:
        return {}
    values = {Setting.CHANNEL: place.channel, Setting.ENABLED: 1}
    if place.width_mhz is not None:
        values[Setting.WIDTH_MHZ] = place.width_mhz
    if place.center_mhz is not None:
        values[Setting.CENTER_MHZ] = place.center_mhz
    if found.info is not None and found.info.tx_power_dbm is not None:
        values[Setting.TX_POWER_DBM] = round(found.info.tx_power_dbm)
    return values


def occupied(found: Base) -> frozenset[int] | None:
    """Centres of the 20 MHz channels that it serves; None: none, or they are not told."""
    place = found.place
    if place is None or place.width_mhz is None or place.center_mhz is None:
        return None
    center, width = place.center_mhz, place.width_mhz
    return frozenset(range(center - width // 2 + 10, center + width // 2, 20))


def local_of(band: Band, cli: str | None, channels: str | None) -> Local:
    """Of what the programs printed. Raises Garbage."""
    listed = parse_phy.channels(channels) if channels else None
    mine = {m: each for m, each in listed.items() if _in(band, m)} if listed is not None else None
    return Local(cli=parse_cli.status(cli) if cli else None, channels=mine)


def _in(band: Band, mhz: int) -> bool:
    return parse_hostapd.frequency(mhz) is not None and channel_of(mhz)[0] is band
