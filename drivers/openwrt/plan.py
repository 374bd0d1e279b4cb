"""What an edit takes on an OpenWrt radio, and what it does to service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from drivers.errors import Unsupported
from drivers.openwrt import render
from drivers.openwrt.render import UciValue
from drivers.openwrt.spatial_reuse import UciReuse
from drivers.openwrt.spectrum import Spectrum
from drivers.openwrt.ubus import Call
from drivers.placing import is_there, louder, target_block
from drivers.types import ConfigState, Edit, Effects, Outage, RadioState, Readback, Setting, Values
from inventory.channels import Block, block
from inventory.model import Band

SETTINGS: Final = frozenset(Setting)
CSA_S: Final = 5.0  # after the countdown: clients of the lab were back after 1.5 s at most
RESTART_S: Final = 30.0  # radio 9 s, a client 25 s
PLACE: Final = (Setting.CHANNEL, Setting.WIDTH_MHZ)
CALM: Final = frozenset({"txpower"})  # options that a reload changes without a restart
RELOAD_S: Final = 10.0  # until a value that disturbs nobody has reached the radio


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How this AP can be told, and may be by our user. ``eht``: by `hostapd switch_channel`, which keeps EHT;
    ``plain``: by `switch_chan`; ``uci``: through rpcd; ``shell``: UCI without a reload, and programs."""

    eht: bool = False
    plain: bool = False
    uci: bool = True
    shell: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What the site's owner wants. ``csa`` False: all goes through UCI, and clients drop. ``persist``:
    never, quiet (where nobody notices) or always. ``beacons``: how long a switch is announced."""

    csa: bool = True
    persist: str = "quiet"
    beacons: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One radio as the device was when it was last read.

    ``section``: its `wifi-device`; ``htmode``: as configured. ``stale``: UCI says another place than the one
    that netifd loaded; ``waiting``: it differs in anything: either way any reload restarts the radio.
    ``listed``: the `channels` that UCI has, None: no such list; ``candidates``: what it should have.
    """

    ifname: str
    section: str
    band: Band
    htmode: str
    widths_mhz: tuple[int, ...]
    ways: Ways
    manner: Manner
    spectrum: Spectrum
    phy: str | None = None
    radio: int | None = None
    stale: bool = False
    waiting: bool = False
    listed: tuple[str, ...] | None = None
    candidates: tuple[int, ...] = ()
    beacon_ms: float = 102.4
    reuse: UciReuse | None = None

    @property
    def restarts(self) -> bool:
        """With any reload, whatever we write."""
        return self.stale or self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What is done. ``values`` and ``removed`` go through UCI; with ``quiet`` nothing is reloaded.

    ``power_dbm``: set by `iw` beside it, where a reload would cost an outage. ``restart``: the radio goes off
    and on, whatever UCI says.
    """

    csa: Call | None = None
    target: Block | None = None
    values: Mapping[str, UciValue] = field(default_factory=lambda: MappingProxyType({}))
    removed: tuple[str, ...] = ()
    quiet: bool = False
    restart: bool = False
    power_dbm: int | None = None

    @property
    def empty(self) -> bool:
        return not (self.csa or self.values or self.removed or self.restart)


def deed(subject: Subject, edit: Edit, have: ConfigState) -> Deed:
    """What takes the radio from ``have`` to the edit's values; empty when it is there."""
    _check(edit)
    todo = _deed(subject, edit, have)
    if not subject.ways.uci and (todo.restart or _reloads(todo)):
        raise Unsupported(f"{subject.ifname}: the ACL of rrmd's user does not grant uci (docs/openwrt.md)")
    return todo


def _deed(subject: Subject, edit: Edit, have: ConfigState) -> Deed:
    if edit.set.get(Setting.ENABLED) == 0:
        off = have.configured.get(Setting.ENABLED) == 0
        return Deed() if off else Deed(values=render.OFF)
    placed = _placed(subject, edit, have)
    other, removed = _settings(subject, edit, have)
    if not other and not removed:
        return placed
    return _joined(subject, have, placed, other, removed)


def _check(edit: Edit) -> None:
    if unknown := set(edit.set) - SETTINGS:
        raise Unsupported(f"OpenWrt has no setting {', '.join(sorted(unknown))}")
    if edit.scope.kind != "radio" or len(edit.scope.members) != 1:
        raise Unsupported(f"OpenWrt sets one radio at a time, not {edit.scope.kind} {edit.scope.name}")
    if edit.set.get(Setting.ENABLED, 1) not in (0, 1):
        raise Unsupported("enabled is 0 or 1")
    if edit.set.get(Setting.ENABLED) == 0 and len(edit.set) > 1:
        raise Unsupported("a radio that is to be off takes no other setting")
    if Setting.OBSS_PD_DBM in edit.set and edit.set.keys() - {Setting.OBSS_PD_DBM, Setting.TX_POWER_DBM}:
        raise Unsupported("OBSS-PD takes no other setting beside it than the power that goes with it")


def _placed(subject: Subject, edit: Edit, have: ConfigState) -> Deed:
    """Channel, width, and a radio that is off though UCI says on."""
    target = target_block(subject.band, subject.widths_mhz, edit.set, have)
    if target is not None and subject.spectrum.barred(target):
        raise Unsupported(f"{subject.ifname}: {target} is barred after radar (non-occupancy period)")
    on_air = have.state is RadioState.ON_AIR
    on_its_way = have.state in (RadioState.CAC, RadioState.STARTING)
    if edit.set.get(Setting.ENABLED) == 1 and have.configured.get(Setting.ENABLED) == 0:
        # On air or not: what UCI says lands, if only with the reload that was asked for a moment ago.
        filed = target is None or is_there(target, have.configured)
        place = {} if filed or target is None else placing(subject, target, have)
        return Deed(target=target, values={**place, "disabled": "0"})
    if target is None:
        revived = edit.set.get(Setting.ENABLED) == 1 and not on_air and not on_its_way
        return _revived(subject, have) if revived else Deed()
    quiet = subject.ways.shell and subject.manner.persist != "never"
    if on_air and is_there(target, have.in_force):
        if is_there(target, have.configured) or not (quiet or subject.stale):
            return Deed()  # stale: a reload that was asked for a moment ago would still take it away
        return Deed(target=target, values=placing(subject, target, have), quiet=quiet)
    if not on_air and is_there(target, have.configured):
        return Deed(target=target) if on_its_way else replace(_revived(subject, have), target=target)
    call = announced(subject, target, have)
    values = placing(subject, target, have) if call is None or quiet else {}
    return Deed(target=target, csa=call, values=values, quiet=call is not None and quiet)


def _revived(subject: Subject, have: ConfigState) -> Deed:
    """Of a radio that UCI calls on and that does not beacon (it stayed off after a NOP), or is disabled."""
    if have.configured.get(Setting.ENABLED, 1) == 0:
        return Deed(values={"disabled": "0"})
    return Deed(restart=True, values=_refuges(subject, None))


def announced(subject: Subject, target: Block, have: ConfigState) -> Call | None:
    """The call that announces the switch; None where none can: then clients drop.

    Not to another width on the same primary: hostapd answers 0, then "CSA failed", and the AP restarts. Not
    to a channel that must be listened on first: `force` would throw out everybody at once.
    """
    manner, ways = subject.manner, subject.ways
    if not manner.csa or (manner.persist == "always" and not subject.ways.shell):
        return None
    if have.state is not RadioState.ON_AIR or have.in_force.get(Setting.CHANNEL) in (None, target.primary):
        return None
    if subject.spectrum.cac_needed_s(target):
        return None
    if ways.eht and subject.phy is not None:
        return render.switch_channel(subject.phy, subject.radio, target, manner.beacons)
    modes = render.modes_of(subject.htmode, subject.band)
    if not ways.plain or modes.eht or target.width_mhz > 160:
        return None
    return render.switch_chan(subject.ifname, target, modes, manner.beacons)


def placing(subject: Subject, target: Block, have: ConfigState) -> dict[str, UciValue]:
    """UCI options of a place, as far as they are not there. 320-1 and 320-2 OpenWrt tells apart itself, so
    there it must be the one that the radio has."""
    if target.width_mhz == 320 and have.configured.get(Setting.CENTER_MHZ) != target.center_mhz:
        raise Unsupported(f"UCI can't say which of the two 320 MHz blocks around {target.primary} is meant")
    values: dict[str, UciValue] = {}
    if have.configured.get(Setting.CHANNEL) != target.primary:
        values["channel"] = str(target.primary)
    if (htmode := render.htmode(subject.htmode, target)) != subject.htmode:
        values["htmode"] = htmode
    return {**values, **_refuges(subject, target)}


def _refuges(subject: Subject, target: Block | None) -> dict[str, UciValue]:
    """The list `channels`, where it is missing or lacks the target: with a bare `channel` radar takes the AP
    off the air for half an hour. Only 5 GHz has radar."""
    if subject.band is not Band.GHZ_5:
        return {}
    if subject.listed is not None:
        if target is None or target.primary in spelled(subject.listed):
            return {}
        return {"channels": (*subject.listed, str(target.primary))}
    wanted = {*subject.candidates, *(() if target is None else (target.primary,))}
    return {"channels": tuple(map(str, sorted(wanted)))} if len(wanted) > 1 else {}


def spelled(entries: tuple[str, ...]) -> frozenset[int]:
    """Channel numbers of a `channels` list, whose entries are numbers or ranges (36-48)."""
    numbers: set[int] = set()
    for entry in entries:
        low, _, high = entry.partition("-")
        if low.isascii() and low.isdigit() and (not high or (high.isascii() and high.isdigit())):
            numbers.update(range(int(low[:3]), int((high or low)[:3]) + 1))
    return frozenset(numbers)


def _settings(subject: Subject, edit: Edit, have: ConfigState) -> tuple[dict[str, UciValue], tuple[str, ...]]:
    """Options to set and to delete for what has nothing to do with place."""
    values: dict[str, UciValue] = {}
    removed: tuple[str, ...] = ()
    dbm = edit.set.get(Setting.TX_POWER_DBM)
    if dbm is not None and not _has_power(subject, have, dbm):
        values["txpower"] = _power(dbm)
    level = edit.set.get(Setting.OBSS_PD_DBM)
    if level is not None and level != have.configured.get(Setting.OBSS_PD_DBM):
        if subject.reuse is None:
            raise Unsupported(f"{subject.ifname}: {subject.htmode} has no OBSS-PD")
        if have.state in (RadioState.CAC, RadioState.NOP):
            raise Unsupported(f"{subject.ifname} is silent because of radar: OBSS-PD takes a restart")
        reuse, removed = subject.reuse.at(level)
        values.update(reuse)
    return values, removed


def _has_power(subject: Subject, have: ConfigState, dbm: int) -> bool:
    """Whether nothing is to be written. What UCI says lands: it may be ahead of what is in force, with a
    reload on its way, and to write the same again would be refused (5). Only `iw` can do more, in a shell."""
    now = have.in_force.get(Setting.TX_POWER_DBM)
    filed = have.configured.get(Setting.TX_POWER_DBM, now)
    return filed == dbm and (not subject.ways.shell or now in (None, dbm))


def _power(dbm: int) -> str:
    if not 0 <= dbm <= 40:
        raise Unsupported(f"a transmit power of {dbm} dBm is outside 0 to 40")
    return str(dbm)


def _joined(
    subject: Subject, have: ConfigState, placed: Deed, other: dict[str, UciValue], removed: tuple[str, ...]
) -> Deed:
    """One deed of both. A radio that restarts for the other settings must come back where it is, not where
    UCI says: an announced switch is run-time only. With a shell a power is set beside an announced switch, or
    where any reload would restart the radio, without a reload."""
    only_power = set(other) == {"txpower"} and not removed
    calm = not placed.restart and (placed.csa is not None or (subject.restarts and placed.empty))
    if subject.ways.shell and only_power and calm:
        kept = other if subject.manner.persist != "never" else {}
        values = {**placed.values, **kept}
        return replace(placed, values=values, quiet=True, power_dbm=int(str(other["txpower"])))
    restarts = subject.restarts or restarting({**placed.values, **other}, removed)
    back = _where_it_is(subject, have) if restarts and placed.empty else {}
    values = {**({} if placed.quiet else placed.values), **back, **other}
    return replace(placed, values=values, removed=removed, quiet=False)


def restart(subject: Subject, have: ConfigState) -> Deed:
    """Of a radio that is told to go off and on: it comes back where it is, and UCI learns what it did not
    know, in the outage that is paid for anyway."""
    return Deed(restart=True, values={**_where_it_is(subject, have), **_refuges(subject, None)})


def restarting(values: Mapping[str, UciValue], removed: tuple[str, ...]) -> bool:
    """Whether a reload with these options takes the radio off the air. Only the power disturbs nobody."""
    return bool(set(values) - CALM or removed)


def _where_it_is(subject: Subject, have: ConfigState) -> dict[str, UciValue]:
    """What UCI must be told so that a restart does not move the radio; nothing of one that is silent.

    Raises Unsupported where somebody has committed another place that waits for a reload: it is theirs.
    """
    place = _place(subject, have.in_force) if have.state is RadioState.ON_AIR else None
    if place is None or is_there(place, have.configured):
        return {}
    if subject.stale:
        raise Unsupported(f"{subject.ifname}: somebody's change of UCI waits for a reload: it would be lost")
    return placing(subject, place, have)


def effects(subject: Subject, edit: Edit, have: ConfigState) -> Effects:
    """The edit's commands and its cost."""
    todo = deed(subject, edit, have)
    outage, silent_s = _cost(subject, have, todo)
    return Effects(
        commands=commands(subject, todo, rises=louder(edit, have)),
        outage=outage,
        silent_s=silent_s,
        readback=Readback.CONFIGURED if Setting.OBSS_PD_DBM in edit.set else Readback.IN_FORCE,
        persists=todo.csa is None or todo.quiet,
        undoable=undoable(subject, todo, have),
    )


def undoable(subject: Subject, todo: Deed, have: ConfigState) -> bool:
    """Whether UCI's rollback leads back. Not from an announced switch, which UCI knows nothing of, nor to
    where UCI says that the radio is while it is elsewhere (radar may have been the reason), or silent."""
    if todo.csa is not None or todo.restart or todo.quiet:
        return False
    same = all(have.in_force.get(name) == have.configured.get(name) for name in PLACE)
    return not _drops(subject, todo) or (have.state is RadioState.ON_AIR and same)


def commands(subject: Subject, todo: Deed, *, rises: bool) -> tuple[str, ...]:
    """What would be sent, in this order, as a person would type it. ``rises``: to a higher power."""
    if todo.restart:
        return _restarting(subject, todo)
    filed = () if todo.quiet else _filed(subject, todo)
    power = () if todo.power_dbm is None else (render.tx_power(subject.ifname, todo.power_dbm),)
    recorded = (render.record(subject.section, todo.values),) if todo.quiet and todo.values else ()
    if todo.csa is None:
        return (*filed, *power, *recorded)
    call = render.text(todo.csa)
    return (call, *power, *filed, *recorded) if rises else (*power, *filed, call, *recorded)


def _filed(subject: Subject, todo: Deed) -> tuple[str, ...]:
    """Through UCI, confirmed at once."""
    if not todo.values and not todo.removed:
        return ()
    calls = [render.uci_set(subject.section, todo.values)] if todo.values else []
    if todo.removed:
        calls.append(render.uci_delete(subject.section, todo.removed))
    return tuple(map(render.text, (*calls, render.uci_apply(render.APPLY_S), render.UCI_CONFIRM)))


def _restarting(subject: Subject, todo: Deed) -> tuple[str, ...]:
    """Off and on; netifd starts a radio anew whose options have changed."""
    if subject.ways.shell:
        recorded = (render.record(subject.section, todo.values),) if todo.values else ()
        return (*recorded, render.radio_restart(subject.section))
    if todo.values:
        return _filed(subject, todo)
    off = render.uci_set(subject.section, render.OFF)
    return tuple(map(render.text, (off, render.uci_apply(render.BOUNCE_S), render.UCI_ROLLBACK)))


def _cost(subject: Subject, have: ConfigState, todo: Deed) -> tuple[Outage, float]:
    if _drops(subject, todo):
        cac_s = _listens_s(subject, have, todo)
        return (Outage.CAC if cac_s else Outage.CLIENTS_DROP), cac_s + RESTART_S
    if todo.csa is not None:
        return Outage.CSA, countdown_s(subject) + CSA_S
    return Outage.NONE, RELOAD_S if _reloads(todo) else 0.0


def _reloads(todo: Deed) -> bool:
    return bool(todo.values or todo.removed) and not todo.quiet


def _drops(subject: Subject, todo: Deed) -> bool:
    """Whether clients lose the radio."""
    return todo.restart or (_reloads(todo) and (subject.restarts or restarting(todo.values, todo.removed)))


def _listens_s(subject: Subject, have: ConfigState, todo: Deed) -> float:
    """Of a radio that restarts: outside Europe a CAC's credit is lost on the way, so also where it is."""
    if todo.values.get("disabled") == "1":
        return 0.0
    place = todo.target or _place(subject, {**have.configured, **have.in_force})
    return subject.spectrum.cac_s(place) if place else 0.0


def _place(subject: Subject, now: Values) -> Block | None:
    channel, width = now.get(Setting.CHANNEL), now.get(Setting.WIDTH_MHZ)
    if channel is None or width is None:
        return None
    try:
        return block(subject.band, channel, width, now.get(Setting.CENTER_MHZ))
    except ValueError:
        return None  # UCI takes any number (37): then nothing is known of where it would be


def countdown_s(subject: Subject) -> float:
    """How long the announced switch counts down."""
    return subject.manner.beacons * subject.beacon_ms / 1000
