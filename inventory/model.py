"""What exists at a site and what is allowed there. Frozen values; no I/O.

Names are those of the field: a *site* has *access points* (APs), an AP has *radios*, a radio
works on a *channel* (primary), a *width* and a *power*. A radio's key is ``site/ap/radio``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NewType

from inventory.windows import Window

RadioKey = NewType("RadioKey", str)
"""``site/ap/radio``, each part matching ``^[a-z0-9][a-z0-9-]{0,31}$``."""


def radio_key(site: str, ap: str, radio: str) -> RadioKey:
    return RadioKey(f"{site}/{ap}/{radio}")


def ap_of(key: RadioKey) -> str:
    """``site/ap`` of a radio's key."""
    return key.rsplit("/", 1)[0]


def site_of(key: RadioKey) -> str:
    return key.split("/", 1)[0]


class Band(StrEnum):
    GHZ_2_4 = "2.4"
    GHZ_5 = "5"
    GHZ_6 = "6"


class Mode(StrEnum):
    """How far the agent may go at a site."""

    OBSERVE = "observe"  # look and record, never write
    DRY_RUN = "dry_run"  # all that ACT does, up to the write
    ADVISE = "advise"  # propose; a person approves each change
    ACT = "act"  # change by itself, within the guards

    @property
    def writes(self) -> bool:
        """Whether anything new is ever sent to a device."""
        return self in (Mode.ADVISE, Mode.ACT)


class Placement(StrEnum):
    INDOOR = "indoor"
    OUTDOOR = "outdoor"


class SixGhzClass(StrEnum):
    """6 GHz device class (47 CFR 15.407; ECC decision (20)01)."""

    LPI = "lpi"  # low power indoor
    SP = "sp"  # standard power, under an AFC
    VLP = "vlp"  # very low power


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """One radio of an AP as the site's file describes it.

    ``channels``: primaries the site allows, None = every channel that is legal.
    ``widths_mhz``: widths the site allows. ``power_dbm``: lowest and highest conducted power in dBm.
    ``pinned``: never changed by the agent. ``ifname``: the device's own name of the radio's interface
    where the driver needs one (hostapd: wlan0).
    """

    key: RadioKey
    band: Band
    channels: tuple[int, ...] | None = None
    widths_mhz: tuple[int, ...] = (20,)
    power_dbm: tuple[int, int] | None = None
    antenna_gain_dbi: float = 0.0
    placement: Placement = Placement.INDOOR
    class_6ghz: SixGhzClass = SixGhzClass.LPI
    pinned: bool = False
    dfs: bool = True
    ifname: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPoint:
    """An AP: its radios and the management session (device) that answers for it. ``zone``: of the site, for
    plans of a part of it."""

    id: str
    device: str
    match: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    position_m: tuple[float, float, float] | None = None
    zone: str | None = None
    radios: tuple[Radio, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfig:
    """How to reach one management session. ``credential`` is a reference (``cred:NAME``), never a secret.

    ``options``: what the driver's own schema accepts, already validated by it.
    """

    id: str
    driver: str
    address: str
    credential: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorPolicy:
    """Numbers of the rule by which a change is called WORSE (docs/monitor.md). Times in seconds."""

    slot_s: float = 60.0  # one slot; a device that refreshes more slowly has longer ones
    slots: int = 5  # slots of the first look
    more_slots: int = 10  # slots when the first look is unclear
    settle_s: float = 30.0  # from the ack to the first slot
    min_frames: int = 200  # a slot with fewer transmitted frames is not valid
    baseline_slots: int = 20
    baseline_min_slots: int = 10
    max_slots: int = 15  # without enough valid ones by then: NO_DATA
    no_data_s: float = 1800.0  # NO_DATA extends monitoring to this
    worse_ratio: float = 2.0  # first look
    suspect_ratio: float = 1.3  # below it: HELD
    retry_floor: float = 0.02  # points above c b
    per_floor: float = 0.01
    more_slots_above: int = 9  # of more_slots, above c q
    throughput_ratio: float = 0.6  # bytes per own transmit airtime, of the baseline
    disconnects_per_minute: float = 10.0
    disconnect_client_ratio: float = 0.10
    disconnect_baseline_ratio: float = 3.0
    disconnect_slots: int = 3  # of `slots`
    lost_clients: int = 3
    lost_client_ratio: float = 0.5
    lost_client_after_s: float = 120.0
    control_lost_ratio: float = 0.2
    control_clamp: tuple[float, float] = (1.0, 2.0)
    min_controls: int = 3
    relief_ratio: float = 0.2  # an incident not relieved by this much: INEFFECTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectPolicy:
    """When an event is raised and when it is over (docs/events.md). Ratios 0..1 unless "times" is said; times
    in seconds. An event clears at a lower level than it is raised at."""

    samples: int = 3  # fresh ones in a row, for raising; a sample that the device did not renew is none
    clear_samples: int = 3  # in a row below the clearing level
    forget_s: float = 1800.0  # an open event of which nothing new is known for so long is over
    again_s: float = 60.0  # an open event is decided on again after this; the wait doubles to an hour
    # NON_WIFI_BURST: duty of what is neither ours nor decoded
    burst_duty: float = 0.7
    burst_clear_duty: float = 0.4
    burst_low_duty: float = 0.3  # enough together with harm
    burst_harm: float = 1.5  # times the radio's own baseline, of retry or PER
    burst_confidence: float = 0.8  # below it nothing is done
    burst_untrusted: float = 0.6  # the most where rx time is not trustworthy or foreign BSSs overlap
    # SPECTRUM_SAT
    sat_busy: float = 0.8
    sat_clear_busy: float = 0.65
    sat_hold_s: float = 60.0
    sat_own: float = 0.5  # own share of the air from which the load is ours to carry
    sat_foreign: float = 0.4  # foreign share from which another channel may help
    # DENSITY_SPIKE
    density_times: float = 2.0  # times the usual
    density_clients: int = 20
    density_clear_times: float = 1.5
    density_capacity: int = 100  # clients on one radio
    density_days: int = 14  # of which the same weekday hour is usual
    # HW_FAILURE
    missed_polls: int = 3
    stuck_samples: int = 3  # clients and air, and not a frame sent
    resets: int = 3  # hardware resets within the history that is kept (40 minutes)
    loss_aps: int = 3  # together with loss_ratio: one alert for the site
    loss_ratio: float = 0.2
    restart_interval_s: float = 3600.0
    deaf_neighbours: int = 2  # so many must have stopped hearing a dead AP before others raise power
    compensate_step_db: int = 3
    compensate_most_db: int = 6
    # SECURITY
    flood_per_minute: float = 30.0  # distinct clients thrown out of one radio
    jam_duty: float = 0.9
    jam_noise_db: float = 15.0  # over the radio's own usual noise floor
    jam_interval_s: float = 1800.0  # a jammed channel is left at most so often
    rogue_dbm: float = -75.0  # a foreign BSS with our SSID, heard at least so loud
    # EMERGENCY_QOE, against the radio's own history
    qoe_times: float = 3.0
    qoe_clear_times: float = 1.5
    qoe_retry_floor: float = 0.25
    qoe_per_floor: float = 0.05
    qoe_rate_ratio: float = 0.4  # of its usual bytes per own air time, or less
    qoe_disconnects_per_minute: float = 10.0
    qoe_undo_s: float = 3600.0  # a change of the radio so young is taken back first


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPolicy:
    """How the whole site is planned (docs/planning.md). Powers in dBm conducted, ratios 0..1."""

    hours: tuple[Window, ...] = ()  # once in each the agent plans by itself; empty: only when a person asks
    min_gain_ratio: float = 0.1  # what a move must bring the radios concerned, all together
    most_moves_ratio: float = 0.25  # of the radios in one plan
    limit_s: float = 10.0  # of the search
    power: bool = True
    obss_pd: bool = True
    power_step_db: int = 3  # at most so much in one plan, up or down
    power_hysteresis_db: int = 2  # a smaller difference is left alone
    coverage_dbm: float = -67.0  # what clients should hear at the edge of a cell
    overlap_dbm: float = -60.0  # neighbours on one channel that hear each other louder overlap too much


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the site's owner allows and how patient the agent is. Times in seconds."""

    mode: Mode = Mode.OBSERVE
    monitor: MonitorPolicy = MonitorPolicy()
    detect: DetectPolicy = DetectPolicy()
    plan: PlanPolicy = PlanPolicy()
    max_inflight_ratio: float = 0.1  # of the site's APs, at least one
    quiet_hours: tuple[tuple[int, int], ...] = ()  # minutes of the local day, [from, to)
    maintenance: tuple[Window, ...] = ()  # people are at work: nothing automatic is begun
    change_hours: tuple[Window, ...] = ()  # routine changes in these only; empty: at any time
    poll_s: float = 30.0
    stale_s: float = 180.0  # a reading older than this decides nothing
    apply_timeout_s: float = 30.0
    ack_timeout_s: float = 60.0  # from the write to the ack, CAC not counted
    advise_expiry_s: float = 3600.0
    cooldown_s: float = 10.0
    routine_interval_s: float = 4 * 3600.0  # one non-incident change per AP
    routine_per_ap_week: float = 1.4  # 0.2 per AP and day
    incident_per_radio_day: int = 3
    incident_backoff_s: float = 600.0  # doubles with each incident change of the day
    bar_s: float = 4 * 3600.0  # a rolled-back target, on that radio
    rollback_attempts: int = 5
    rollback_backoff_s: float = 5.0  # doubles
    radar_verify_s: float = 5.0
    radar_off_s: float = 9.0
    radar_held_s: float = 60.0  # a report bars only channels held within this
    neighbour_dbm: float = -82.0
    neighbour_age_s: float = 24 * 3600.0
    evidence_s: float = 900.0  # a scan this fresh is evidence for a candidate channel
    min_gain_ratio: float = 0.3  # expected gain in airtime share that pays for a change
    channels_2_4: tuple[int, ...] = (1, 6, 11)  # or (1, 5, 9, 13), at the whole site
    obss_pd_step_db: int = 3
    obss_pd_most_dbm: int = -62
    safe_channels: Mapping[Band, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """APs that can hear each other or share a policy; one YAML file. ``radios``: those of all its APs."""

    id: str
    country: str
    timezone: str
    policy: Policy
    devices: Mapping[str, DeviceConfig]
    aps: Mapping[str, AccessPoint]
    radios: Mapping[RadioKey, Radio] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        radios = {radio.key: radio for ap in self.aps.values() for radio in ap.radios}
        object.__setattr__(self, "radios", MappingProxyType(radios))  # once: it is asked for per radio

    def device_of(self, key: RadioKey) -> DeviceConfig:
        return self.devices[self.aps[key.split("/")[1]].device]
