"""The words of a site file: which keys there are and what may stand behind them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from inventory.credentials import REFERENCE
from inventory.model import Band, Mode, Placement, SixGhzClass
from inventory.scalars import ID, check, flag, number, one_of, rule, span, whole, word
from inventory.windows import EXPECTED, Window, window

Ratio = Annotated[float, number(0, 1)]
Multiple = Annotated[float, number(1, 100, "times")]
Seconds = Annotated[float, number(0, 604_800, "s")]
Period = Annotated[float, number(1, 604_800, "s")]
WriteTime = Annotated[float, number(1, 45, "s")]  # a lease lasts for 90 s: what is begun must have landed
Count = Annotated[int, whole(0, 10_000)]
Slots = Annotated[int, whole(1, 1_000, "slots")]
Samples = Annotated[int, whole(1, 100)]
Clients = Annotated[int, whole(1, 10_000, "clients")]
PerMinute = Annotated[float, number(0, 10_000, "a minute")]
HeardDbm = Annotated[float, number(-100, -30, "dBm")]
Dbm = Annotated[int, whole(-10, 40, "dBm")]
Metres = Annotated[float, number(-100_000, 100_000, "m")]
Windows = list[Annotated[Window, rule(EXPECTED, window)]]
BandWord = Annotated[Band, one_of(Band)]

_NOT_EMPTY: Final = check("different values, at least one", lambda got: got and len(set(got)) == len(got))
_RISING: Final = check("the lower value first", lambda got: got[0] <= got[-1])
_PLAN: Final = check("[1, 6, 11] or [1, 5, 9, 13]", lambda got: got in ([1, 6, 11], [1, 5, 9, 13]))
_PAIR: Final = Field(min_length=2, max_length=2)


class Words(BaseModel):
    """A mapping of the file, no other keys. None: not given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @property
    def given(self) -> dict[str, Any]:
        """What the file says, as the model's field names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class FileWords(Words):
    """The top of the file; each section is looked at on its own."""

    version: Annotated[str, word("1, the only version", "1")]
    site: Any
    policy: Any = None
    devices: Any = None
    groups: Any = None
    aps: Any


class SiteWords(Words):
    id: Annotated[str, word("a site id: a-z, 0-9, -, at most 32", ID.pattern)]
    country: Annotated[str, word('a country of two capital letters, such as "NO"', r"[A-Z]{2}")]
    timezone: Annotated[str, word("a time zone, such as Europe/Oslo", r"[A-Za-z0-9_+/-]{1,64}")]


class MonitorWords(Words):
    """Each field of :class:`inventory.model.MonitorPolicy`."""

    slot_s: Period | None = None
    slots: Slots | None = None
    more_slots: Slots | None = None
    settle_s: Seconds | None = None
    min_frames: Count | None = None
    baseline_slots: Slots | None = None
    baseline_min_slots: Slots | None = None
    max_slots: Slots | None = None
    no_data_s: Period | None = None
    worse_ratio: Multiple | None = None
    suspect_ratio: Multiple | None = None
    retry_floor: Ratio | None = None
    per_floor: Ratio | None = None
    more_slots_above: Slots | None = None
    throughput_ratio: Ratio | None = None
    disconnects_per_minute: PerMinute | None = None
    disconnect_client_ratio: Ratio | None = None
    disconnect_baseline_ratio: Multiple | None = None
    disconnect_slots: Slots | None = None
    lost_clients: Clients | None = None
    lost_client_ratio: Ratio | None = None
    lost_client_after_s: Seconds | None = None
    control_lost_ratio: Ratio | None = None
    control_clamp: Annotated[list[Annotated[float, number(0.1, 10)]], _PAIR, _RISING] | None = None
    min_controls: Annotated[int, whole(1, 1_000, "radios")] | None = None
    relief_ratio: Ratio | None = None


class DetectWords(Words):
    """Each field of :class:`inventory.model.DetectPolicy`."""

    samples: Samples | None = None
    clear_samples: Samples | None = None
    forget_s: Period | None = None
    again_s: Period | None = None
    burst_duty: Ratio | None = None
    burst_clear_duty: Ratio | None = None
    burst_low_duty: Ratio | None = None
    burst_harm: Multiple | None = None
    burst_confidence: Ratio | None = None
    burst_untrusted: Ratio | None = None
    sat_busy: Ratio | None = None
    sat_clear_busy: Ratio | None = None
    sat_hold_s: Seconds | None = None
    sat_own: Ratio | None = None
    sat_foreign: Ratio | None = None
    density_times: Multiple | None = None
    density_clients: Clients | None = None
    density_clear_times: Multiple | None = None
    density_capacity: Clients | None = None
    density_days: Annotated[int, whole(1, 90, "days")] | None = None
    missed_polls: Samples | None = None
    stuck_samples: Samples | None = None
    resets: Annotated[int, whole(1, 1_000)] | None = None
    loss_aps: Annotated[int, whole(1, 10_000, "APs")] | None = None
    loss_ratio: Ratio | None = None
    restart_interval_s: Period | None = None
    deaf_neighbours: Annotated[int, whole(1, 1_000, "radios")] | None = None
    compensate_step_db: Annotated[int, whole(1, 10, "dB")] | None = None
    compensate_most_db: Annotated[int, whole(0, 20, "dB")] | None = None
    flood_per_minute: PerMinute | None = None
    jam_duty: Ratio | None = None
    jam_noise_db: Annotated[float, number(1, 60, "dB")] | None = None
    jam_interval_s: Period | None = None
    rogue_dbm: HeardDbm | None = None
    qoe_times: Multiple | None = None
    qoe_clear_times: Multiple | None = None
    qoe_retry_floor: Ratio | None = None
    qoe_per_floor: Ratio | None = None
    qoe_rate_ratio: Ratio | None = None
    qoe_disconnects_per_minute: PerMinute | None = None
    qoe_undo_s: Seconds | None = None


class PlanWords(Words):
    """Each field of :class:`inventory.model.PlanPolicy`."""

    hours: Windows | None = None
    min_gain_ratio: Ratio | None = None
    most_moves_ratio: Ratio | None = None
    limit_s: Annotated[float, number(1, 600, "s")] | None = None
    power: Annotated[bool, flag()] | None = None
    obss_pd: Annotated[bool, flag()] | None = None
    power_step_db: Annotated[int, whole(1, 20, "dB")] | None = None
    power_hysteresis_db: Annotated[int, whole(0, 20, "dB")] | None = None
    coverage_dbm: HeardDbm | None = None
    overlap_dbm: HeardDbm | None = None


class PolicyWords(Words):
    """Each field of :class:`inventory.model.Policy`, and ``monitor_s``, which sets ``monitor.slot_s``."""

    mode: Annotated[Mode, one_of(Mode)] | None = None
    monitor_s: Annotated[float, number(1, 86_400, "s")] | None = None
    monitor: Any = None  # MonitorWords, looked at on its own
    detect: Any = None  # DetectWords, looked at on its own
    plan: Any = None  # PlanWords, looked at on its own
    max_inflight_ratio: Ratio | None = None
    quiet_hours: list[Annotated[tuple[int, int], rule("HH:MM-HH:MM, not empty", span)]] | None = None
    maintenance: Windows | None = None
    change_hours: Windows | None = None
    poll_s: Period | None = None
    stale_s: Period | None = None
    apply_timeout_s: WriteTime | None = None
    ack_timeout_s: Period | None = None
    advise_expiry_s: Period | None = None
    cooldown_s: Seconds | None = None
    routine_interval_s: Seconds | None = None
    routine_per_ap_week: Annotated[float, number(0, 1_000, "changes")] | None = None
    incident_per_radio_day: Count | None = None
    incident_backoff_s: Seconds | None = None
    bar_s: Seconds | None = None
    rollback_attempts: Annotated[int, whole(1, 100)] | None = None
    rollback_backoff_s: Period | None = None
    radar_verify_s: Annotated[float, number(0.1, 9.9, "s")] | None = None
    radar_off_s: Annotated[float, number(0.1, 9.9, "s, before the legal 10")] | None = None
    radar_held_s: Period | None = None
    neighbour_dbm: HeardDbm | None = None
    neighbour_age_s: Period | None = None
    evidence_s: Period | None = None
    min_gain_ratio: Ratio | None = None
    channels_2_4: Annotated[list[Annotated[int, whole(1, 13)]], _PLAN] | None = None
    obss_pd_step_db: Annotated[int, whole(1, 20, "dB")] | None = None
    obss_pd_most_dbm: Annotated[int, whole(-82, -62, "dBm")] | None = None
    safe_channels: dict[BandWord, Annotated[int, whole(1, 233)]] | None = None


class ReachWords(Words):
    """How to reach a device. ``profile`` is short for the option of that name."""

    driver: Annotated[str, word("the name of a driver", r"[a-z0-9_-]{1,32}")] | None = None
    address: (
        Annotated[str, word("an address without spaces and without a login", r"[^\s@]{1,255}", hidden=True)]
        | None
    ) = None
    credential: (
        Annotated[str, word("a reference cred:NAME, never the secret itself", REFERENCE.pattern, hidden=True)]
        | None
    ) = None
    profile: Annotated[str, word("a word", r"[A-Za-z0-9_.-]{1,64}")] | None = None
    options: dict[str, Any] | None = None


class GroupWords(ReachWords):
    """What APs may share. ``radios`` is looked at on its own, radio by radio."""

    device: Annotated[str, word("the id of a device", ID.pattern)] | None = None
    match: dict[str, Annotated[str, word("text", r"[^\n]{1,255}")]] | None = None
    position_m: Annotated[list[Metres], Field(min_length=3, max_length=3)] | None = None
    zone: Annotated[str, word("a zone: a-z, 0-9, -, at most 32", ID.pattern)] | None = None
    radios: Any = None

    @property
    def position(self) -> tuple[float, float, float] | None:
        """x, y and height in metres."""
        x_y_z = self.position_m
        return (x_y_z[0], x_y_z[1], x_y_z[2]) if x_y_z else None


class ApWords(GroupWords):
    group: Any = None  # merged before


class RadioWords(Words):
    """Each field of :class:`inventory.model.Radio`; ``band`` must be given."""

    band: BandWord
    channels: Annotated[list[Annotated[int, whole(1, 233)]], _NOT_EMPTY] | None = None
    widths_mhz: Annotated[list[Annotated[int, whole(20, 320, "MHz")]], _NOT_EMPTY] | None = None
    power_dbm: Annotated[list[Dbm], _PAIR, _RISING] | None = None
    antenna_gain_dbi: Annotated[float, number(-10, 40, "dBi")] | None = None
    placement: Annotated[Placement, one_of(Placement)] | None = None
    class_6ghz: Annotated[SixGhzClass, one_of(SixGhzClass)] | None = None
    pinned: Annotated[bool, flag()] | None = None
    dfs: Annotated[bool, flag()] | None = None
    ifname: Annotated[str, word("an interface name of at most 15", r"[A-Za-z0-9_.-]{1,15}")] | None = None
