"""What devices push. Frozen values; no I/O. ``at_s`` is the agent's monotonic time of receipt."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.model import RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The stream was interrupted: anything may have been missed, poll now."""

    at_s: float
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarDetected:
    """Radar on these 20 MHz channels. ``radio`` None: the device cannot tell which of its radios.

    ``authenticated`` False (an SNMP v2c trap): only a reason to poll.
    """

    at_s: float
    device: str
    mhz20: frozenset[int]
    radio: RadioKey | None = None
    authenticated: bool = True
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NopFinished:
    at_s: float
    device: str
    mhz20: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacStarted:
    at_s: float
    device: str
    radio: RadioKey
    cac_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacFinished:
    at_s: float
    device: str
    radio: RadioKey
    success: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSwitched:
    at_s: float
    device: str
    radio: RadioKey
    channel: int
    width_mhz: int | None = None
    center_mhz: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioUp:
    at_s: float
    device: str
    radio: RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioDown:
    at_s: float
    device: str
    radio: RadioKey
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLeft:
    """One station left; ``roamed`` None = not known."""

    at_s: float
    device: str
    radio: RadioKey
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InterferenceHeard:
    """The device itself recognised something that is not Wi-Fi. ``duty_ratio`` 0..1 of the air; ``what``: its
    own name for it (microwave oven); ``over``: it is gone."""

    at_s: float
    device: str
    radio: RadioKey
    duty_ratio: float | None = None
    what: str = ""
    over: bool = False
    authenticated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RogueHeard:
    """A BSS that should not be there. ``impersonates``: it bears our SSID or BSSID; ``on_wire``: it is
    connected to our own network; ``over``: it is gone."""

    at_s: float
    device: str
    radio: RadioKey
    bssid: str
    ssid: str | None = None
    channel: int | None = None
    signal_dbm: float | None = None
    impersonates: bool = False
    on_wire: bool = False
    over: bool = False
    authenticated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackHeard:
    """The device itself recognised an attack. ``what``: its own name for it (deauthentication flood);
    ``jamming``: the channel can't be used."""

    at_s: float
    device: str
    radio: RadioKey
    what: str
    jamming: bool = False
    over: bool = False
    authenticated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioFault:
    """The device itself says that the radio's hardware or firmware failed. ``over``: it works again."""

    at_s: float
    device: str
    radio: RadioKey
    what: str
    over: bool = False
    authenticated: bool = True


Signal = (
    Gap
    | RadarDetected
    | NopFinished
    | CacStarted
    | CacFinished
    | ChannelSwitched
    | RadioUp
    | RadioDown
    | ClientLeft
    | InterferenceHeard
    | RogueHeard
    | AttackHeard
    | RadioFault
)
