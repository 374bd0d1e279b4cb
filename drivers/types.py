"""What drivers give and take. Frozen values; no I/O.

A field that the device does not report is ``None``, never 0 or -1. Channels and widths are MHz-free
numbers of 802.11 (primary 20 MHz channel, width in MHz); centre frequencies are MHz; powers are dBm
conducted, as the device states them.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from inventory.model import Band, RadioKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reported(Generic[T]):
    """A value, where it came from (``iw.survey``, an OID), and how old the device's own copy may be."""

    value: T
    source: str
    age_s: float = 0.0


class Table(StrEnum):
    """What can be asked of a device; a driver declares which it answers."""

    STATUS = "status"  # channel, width, power, state
    SURVEY = "survey"  # air time counters
    COUNTERS = "counters"  # totals that the radio keeps itself
    CLIENTS = "clients"  # stations and their counters; or only how many there are
    NEIGHBORS = "neighbors"  # other BSSs heard (may cost an off-channel scan)


class Setting(StrEnum):
    """What an edit can set. Values are integers.

    ``center_mhz`` is the centre of the whole block; it tells 40 MHz above from below and 320-1 from
    320-2. ``enabled``: 1 = the radio transmits, 0 = off.
    """

    CHANNEL = "channel"
    WIDTH_MHZ = "width_mhz"
    CENTER_MHZ = "center_mhz"
    TX_POWER_DBM = "tx_power_dbm"
    OBSS_PD_DBM = "obss_pd_dbm"
    ENABLED = "enabled"


class Action(StrEnum):
    """What a device can be told to do once. No action has an undo."""

    RESTART = "restart"  # the radio goes off and on air again: clients drop
    STEER = "steer"  # a BSS-transition hint (802.11v) to clients, who may ignore it
    RELEASE = "release"  # the radio is the vendor's own RRM's again, which may move it at any time


class RadioState(StrEnum):
    ON_AIR = "on_air"
    CAC = "cac"  # silent, listening for radar
    NOP = "nop"  # silent, nowhere legal to go until a non-occupancy period ends
    OFF = "off"
    STARTING = "starting"


class Absence(StrEnum):
    """Why a radio has no reading."""

    ABSENT = "absent"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True, kw_only=True)
class BssReading:
    bssid: str
    ssid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientReading:
    """One station. Counters run from its association; they start again at 0 when it comes back.

    ``max_width_mhz``: the widest channel that it can use in this band.
    """

    mac: str
    bssid: str | None = None
    signal_dbm: float | None = None
    tx_frames: int | None = None
    tx_retries: int | None = None
    tx_failed: int | None = None
    tx_bytes: int | None = None
    connected_s: float | None = None
    max_width_mhz: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborReading:
    """A BSS that this radio heard. ``center_mhz`` and ``width_mhz`` None = 20 MHz is all that is known."""

    bssid: str
    channel: int
    signal_dbm: float
    width_mhz: int | None = None
    center_mhz: int | None = None
    utilization_ratio: float | None = None  # BSS load, 0..1
    age_s: float = 0.0
    ssid: str | None = None  # None: not reported, or hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReading:
    """Air time counters of one 20 MHz channel, in ms, ever rising. ``in_use``: the one being served."""

    frequency_mhz: int
    in_use: bool = False
    noise_dbm: float | None = None
    active_ms: int | None = None
    busy_ms: int | None = None
    rx_ms: int | None = None
    tx_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """A radio's totals since its own last reset; ``epoch`` changes when they start again at 0."""

    tx_frames: int | None = None
    tx_retries: int | None = None
    tx_failed: int | None = None
    tx_bytes: int | None = None
    disconnects: int | None = None
    width_bits: int = 64
    epoch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What the device itself works out over an interval of its own, where it shows no counters. Ratios 0..1.

    ``busy_ratio``: all air time in use, ours and others'; ``rx_ratio``, ``tx_ratio``: Wi-Fi that was
    received, and our own; ``non_wifi_ratio``: what is not Wi-Fi. ``retry_ratio``: repeats per transmission;
    ``per``: frames given up.
    """

    busy_ratio: float | None = None
    rx_ratio: float | None = None
    tx_ratio: float | None = None
    non_wifi_ratio: float | None = None
    noise_dbm: float | None = None
    retry_ratio: float | None = None
    per: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioReading:
    """What a driver returned for one radio at one time (``at_s``, monotonic seconds of the agent)."""

    key: RadioKey
    at_s: float
    state: RadioState
    band: Band
    channel: Reported[int] | None = None
    width_mhz: Reported[int] | None = None
    center_mhz: Reported[int] | None = None
    tx_power_dbm: Reported[float] | None = None
    obss_pd_dbm: Reported[int] | None = None
    country: Reported[str] | None = None
    bss: tuple[BssReading, ...] | None = None
    clients: tuple[ClientReading, ...] | None = None
    client_count: int | None = None  # where the device counts its clients and does not name them
    counters: Counters | None = None  # totals the device keeps itself; None: sum over clients
    survey: tuple[SurveyReading, ...] | None = None
    gauges: Gauges | None = None  # what it works out itself; None: all is counted from survey and counters
    neighbors: tuple[NeighborReading, ...] | None = None
    nop_mhz: frozenset[int] | None = None  # 20 MHz channels (MHz) the device itself bars
    cac_done_mhz: frozenset[int] | None = None  # DFS channels usable without a new CAC
    allowed_mhz: frozenset[int] | None = None  # 20 MHz channels the device may transmit on at all
    power_choices_dbm: tuple[int, ...] | None = None  # all that it can be set to; None: not told
    cac_left_s: float | None = None
    hardware_resets: int | None = None  # how often the radio's chip was restarted by its own driver
    uplink: bool = False  # carries a mesh, WDS or station uplink
    managed_by: str | None = None  # the vendor's own RRM or ACS owns the channel
    fresh_s: float = 0.0  # age of the oldest counter in this reading

    @property
    def clients_here(self) -> int | None:
        """How many clients there are, named or only counted; None: not reported."""
        return self.client_count if self.clients is None else len(self.clients)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A partial answer is an answer: each radio asked for is in ``readings`` or in ``missing``.

    ``appeared``: radios of the inventory that the device has now and did not have, or had elsewhere, when the
    session was opened. Only another `open` tells what can be done with them.
    """

    at_s: float
    readings: Mapping[RadioKey, RadioReading]
    missing: Mapping[RadioKey, Absence] = field(default_factory=lambda: MappingProxyType({}))
    appeared: frozenset[RadioKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRef:
    """What one setting applies to on a device; ``members`` are the radios that it moves."""

    kind: str  # radio, band, rf_profile, device
    name: str
    members: tuple[RadioKey, ...]


Values = Mapping[Setting, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Compare-and-set on one scope: write ``set`` only if the device still says ``expect``."""

    change_id: str
    scope: ScopeRef
    set: Values
    expect: Values = field(default_factory=lambda: MappingProxyType({}))


class Outage(StrEnum):
    NONE = "none"
    CSA = "csa"  # announced; clients follow
    CLIENTS_DROP = "clients_drop"
    CAC = "cac"  # silent for a channel availability check


class Readback(StrEnum):
    IN_FORCE = "in_force"
    CONFIGURED = "configured"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What an edit would do, said beforehand: this is what a dry run prints.

    ``undoable``: the device's own undo timer, where it has one, can take this edit back; False: `apply`
    with ``undo_after_s`` would be Unsupported.
    """

    commands: tuple[str, ...]  # secrets masked
    outage: Outage
    silent_s: float  # how long the radio may be quiet without being lost
    readback: Readback
    persists: bool
    undoable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigState:
    """One scope's settings as configured and as in force; a setting not reported is absent."""

    scope: ScopeRef
    configured: Values
    in_force: Values
    state: RadioState = RadioState.ON_AIR

    def known(self, as_configured: Set[Setting]) -> Values:
        """What the device has, each setting at the level at which it can be told: in force, and where that
        is not reported as configured, but only for ``as_configured``: settings for which its driver promises
        no more than that (`Readback.CONFIGURED`). Of all others a configured value proves nothing."""
        only = {name: value for name, value in self.configured.items() if name in as_configured}
        return {**only, **self.in_force}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What confirming or cancelling an edit takes. ``undo_armed``: the device goes back by itself."""

    edit: Edit
    undo_armed: bool = False
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """One action on one radio. ``clients``: MACs to steer; ``to_bssids``: where to, best first (empty: the
    client chooses)."""

    action: Action
    radio: RadioKey
    clients: tuple[str, ...] = ()
    to_bssids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioInfo:
    """What a driver found on the device for one radio of the inventory."""

    key: RadioKey
    name: str  # the device's own name: wlan0, phy0-ap0
    band: Band
    bssids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What can be read and set; known before anything is planned.

    ``saves``: what was set is lost when the device restarts, unless `confirm` saves it.
    ``signals``: the device pushes; how, ``signal_ways`` says in words (SNMP traps, server-sent events).
    ``obss_pd_acts``: a written OBSS-PD level is in force at once and drops nobody; where it is False the
    level may still be settable, at the price that the driver's `Effects` name, and what is in force may not
    be told. ``moves_drop``: another channel is not announced (CSA): clients lose the radio and look for it.
    """

    tables: frozenset[Table]
    settings: Mapping[Setting, str]  # setting -> scope kind
    widths_mhz: tuple[int, ...] = (20,)
    refresh_s: Mapping[Table, float] = field(default_factory=lambda: MappingProxyType({}))
    undo_timer_s: tuple[float, float] | None = None  # range of the device-side undo timer
    signals: bool = False
    signal_ways: tuple[str, ...] = ()
    saves: bool = False
    rx_time_trusted: bool = False
    actions: frozenset[Action] = frozenset()
    obss_pd_acts: bool = False
    moves_drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRadio:
    """A radio as the device itself calls it (phy0-ap0, a slot number). ``band`` None: it does not tell."""

    name: str
    band: Band | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAp:
    """An AP that a device answers for, whether or not the inventory has it. ``mac``: lower case, with colons;
    what `match` of the site file is compared with."""

    mac: str | None
    name: str | None = None
    model: str | None = None
    radios: tuple[FoundRadio, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """Identity, radios and capabilities, as found when the session was opened.

    ``found``: all APs that it answers for, those that the inventory does not list too; radios of the
    inventory that are not among them are not in ``radios``. ``remarks``: what its owner should look at, a
    sentence each (a configuration that radar would take off the air).
    """

    vendor: str
    model: str
    version: str
    identity: str  # what must not change behind our back: host key, serial, MAC
    radios: Mapping[RadioKey, RadioInfo]
    capabilities: Capabilities
    found: tuple[FoundAp, ...] = ()
    remarks: tuple[str, ...] = ()
