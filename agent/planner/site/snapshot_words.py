"""The words of a snapshot: which keys there are and what may stand behind them (docs/planning.md). Pure.

What a snapshot says of policy and radios in the words of the site file is read by the site file's own rules.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from agent.change import Cause, State
from drivers.types import Action, RadioState, Setting, Table
from inventory.channels import is_centre
from inventory.scalars import ID
from inventory.schema import RadioWords as ConfigWords

Id = Annotated[str, Field(pattern=rf"^{ID.pattern}$")]
Text = Annotated[str, Field(max_length=64)]


def _there_is(text: str) -> str:
    """The same text. ValueError: the calendar has no such day, or the day no such hour."""
    datetime.fromisoformat(text)
    return text


Utc = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"), AfterValidator(_there_is)
]


def _is_centre(mhz: int) -> int:
    """The same number; what lies between two channels would bar none of them, and nobody would notice."""
    if not is_centre(mhz):
        raise PydanticCustomError("channel_centre", "the centre of a 20 MHz channel, in MHz")
    return mhz


Bssid = Annotated[str, Field(min_length=1, max_length=64)]
Ratio = Annotated[float, Field(ge=0, le=1)]
HeardDbm = Annotated[float, Field(ge=-150, le=0)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Channel = Annotated[int, Field(ge=1, le=233)]
Width = Literal[20, 40, 80, 160, 320]
Mhz = Annotated[int, Field(ge=2_400, le=7_200)]
Centre = Annotated[Mhz, AfterValidator(_is_centre)]
Power = Annotated[float, Field(ge=-50, le=60)]
Whole = Annotated[int, Field(ge=-10_000, le=1_000_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Words(BaseModel):
    """An object of the snapshot, no other keys. None: not reported."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )

    def said(self, name: str) -> bool:
        """Whether the snapshot has this key, be it null."""
        return name in self.model_fields_set


class ClientWords(Words):
    """One client: no address."""

    signal_dbm: HeardDbm | None = None
    max_width_mhz: Width | None = None


class NowWords(Words):
    """What the radio's device reported, ``age_s`` ago."""

    age_s: Seconds = 0.0
    state: Annotated[RadioState, Field(strict=False)] = RadioState.ON_AIR
    channel: Channel | None = None
    width_mhz: Width | None = None
    center_mhz: Mhz | None = None
    tx_power_dbm: Power | None = None
    obss_pd_dbm: Annotated[int, Field(ge=-120, le=0)] | None = None
    country: Text | None = None
    clients: list[ClientWords] | None = None
    client_count: Count | None = None
    nop_mhz: list[Mhz] | None = None
    cac_done_mhz: list[Mhz] | None = None
    allowed_mhz: list[Mhz] | None = None
    power_choices_dbm: list[Annotated[int, Field(ge=-50, le=60)]] | None = None
    cac_left_s: Seconds | None = None
    uplink: bool = False
    managed_by: Text | None = None


class HeardWords(Words):
    """One BSS that the radio heard. ``radio`` (ap/radio) or ``bssid``: whose it is; neither: a stranger's.
    ``sd_db``, ``scans``, ``presence``: how sure a level is that is a mean over scans."""

    bssid: Bssid | None = None
    radio: Text | None = None
    channel: Channel | None = None
    signal_dbm: HeardDbm
    width_mhz: Width | None = None
    center_mhz: Mhz | None = None
    utilization_ratio: Ratio | None = None
    age_s: Seconds = 0.0
    sd_db: Annotated[float, Field(ge=0, le=100)] | None = None
    scans: Annotated[float, Field(ge=0, le=1e9)] | None = None
    presence: Ratio | None = None


class UsualWords(Words):
    """What its clients are like as a rule: how many, and which share can use 40, 80, 160, 320 MHz."""

    clients: Annotated[float, Field(ge=0, le=1e6)]
    able: dict[Literal["40", "80", "160", "320"], Ratio] = Field(default_factory=dict)


class AirWords(Words):
    """What the radio measured of one 20 MHz channel."""

    mhz: Mhz
    busy: Ratio | None = None
    rx: Ratio | None = None
    tx: Ratio | None = None
    noise_dbm: HeardDbm | None = None
    listened_ms: Annotated[int, Field(ge=0, le=10**12)] | None = None
    age_s: Seconds = 0.0


class CanWords(Words):
    """What can be set; ``settings``: setting -> scope (radio, band, rf_profile, device)."""

    settings: dict[Annotated[Setting, Field(strict=False)], Text] | None = None
    widths_mhz: list[Width] | None = None
    tables: list[Annotated[Table, Field(strict=False)]] | None = None
    actions: list[Annotated[Action, Field(strict=False)]] = Field(default_factory=list)
    obss_pd_acts: bool = False
    moves_drop: bool = False
    rx_time_trusted: bool = False
    saves: bool = False
    undo_timer_s: Annotated[list[Seconds], Field(min_length=2, max_length=2)] | None = None


class RadioWords(Words):
    """A radio: the keys of the site file, looked at by its rules, and what is known of it."""

    band: Any
    channels: Any = None
    widths_mhz: Any = None
    power_dbm: Any = None
    antenna_gain_dbi: Any = None
    placement: Any = None
    class_6ghz: Any = None
    pinned: Any = None
    dfs: Any = None
    ifname: Any = None
    bssids: list[Bssid] | None = None
    now: NowWords | None = None
    heard: list[HeardWords] = Field(default_factory=list)
    scanned_age_s: Seconds | None = None
    air: list[AirWords] = Field(default_factory=list)
    can: CanWords | None = None
    usual: UsualWords | None = None

    @property
    def configured(self) -> dict[str, Any]:
        """The keys of the site file that are given."""
        return {name: getattr(self, name) for name in ConfigWords.model_fields if self.said(name)}


class ApWords(Words):
    device: Id | None = None
    zone: Id | None = None
    position_m: (
        Annotated[list[Annotated[float, Field(ge=-100_000, le=100_000)]], Field(min_length=3, max_length=3)]
        | None
    ) = None
    radios: Annotated[dict[Id, RadioWords], Field(min_length=1)]


class ChangeWords(Words):
    """One change, as far as it holds back others. ``left_s``: until its deadline, negative: passed."""

    id: Text
    device: Text = ""
    scope: Text = "radio"
    name: Text = ""
    radios: Annotated[list[Text], Field(min_length=1, max_length=10_000)]
    target: dict[Annotated[Setting, Field(strict=False)], Whole]
    prior: dict[Annotated[Setting, Field(strict=False)], Whole] = Field(default_factory=dict)
    cause: Annotated[Cause, Field(strict=False)]
    state: Annotated[State, Field(strict=False)]
    verdict: Text | None = None
    drill: bool = False
    event_id: Text | None = None
    undo_of: Text | None = None
    by: Text = "agent"
    created_utc: Utc
    left_s: Annotated[float, Field(ge=-1e9, le=1e9)] = 0.0


class MetWords(Words):
    """Radar that was heard."""

    utc: Utc
    mhz: Annotated[list[Mhz], Field(min_length=1, max_length=100)]
    radios: Annotated[list[Text], Field(max_length=10_000)] = Field(default_factory=list)


class SiteWords(Words):
    id: Any
    country: Any
    timezone: Any = None


class SnapshotWords(Words):
    """The whole. ``made_utc`` None: not said."""

    version: Literal[1] = 1
    made_utc: Utc | None = None
    site: SiteWords
    policy: Any = None
    aps: Annotated[dict[Id, ApWords], Field(min_length=1, max_length=100_000)]
    barred_mhz: list[Centre] = Field(default_factory=list)
    radar: list[MetWords] = Field(default_factory=list)
    changes: list[ChangeWords] = Field(default_factory=list)
    paused: list[Text] = Field(default_factory=list)
    observing_only: Annotated[str, Field(max_length=500)] | None = None
    hands_off: Annotated[str, Field(max_length=500)] | None = None
