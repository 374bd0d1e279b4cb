"""Polls of one AP: what is asked, in as few requests as it takes, and what is remembered between two."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from drivers.errors import DriverError, Garbage, NeverAgain, PersonNeeded, TryAgain, Unsupported
from drivers.hostapd import parse_scan
from drivers.openwrt import asked, parse_iwinfo, parse_wireless, reading, standing
from drivers.openwrt.asked import Answers, Missing
from drivers.openwrt.find import Found, find
from drivers.openwrt.options import Options
from drivers.openwrt.parse_wireless import Radio as Device
from drivers.openwrt.render import UCI_REVERT
from drivers.openwrt.standing import Base, Local
from drivers.openwrt.ubus import AccessDenied, Answer, Call, ObjectGone, Status, StatusRefused, Ubus
from drivers.types import Absence, NeighborReading, RadioReading, ScopeRef, Snapshot, Table
from inventory.model import Band, Radio, RadioKey

WIRELESS: Final = Call(object="network.wireless", method="status")
UCI: Final = Call(object="uci", method="get", args={"config": "wireless"})
CHANGES: Final = Call(object="uci", method="changes", args={"config": "wireless"})
LISTS_S: Final = 300.0  # how long a list of channels and powers is believed, as long as the radio stays put


@dataclass(slots=True)
class _Memory:
    """Of one radio. ``silent_since_s``: when it had no hostapd object first; ``at``: the channel and country
    that the lists were asked for."""

    silent_since_s: float | None = None
    listed_s: float | None = None
    at: object = None
    allowed_mhz: frozenset[int] | None = None
    powers_dbm: tuple[int, ...] | None = None
    phy: str | None = None


@dataclass(slots=True)
class Reader:
    """``found``: radios of the inventory that the AP has; ``bases``: how each stood when last read."""

    name: str
    radios: tuple[Radio, ...]
    ubus: Ubus
    options: Options
    clock: Callable[[], float]
    found: dict[RadioKey, Found] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    bases: dict[RadioKey, Base] = field(default_factory=dict)
    _memory: dict[RadioKey, _Memory] = field(default_factory=dict)
    _runs_programs: bool = True
    _denied: set[tuple[str, ...]] = field(default_factory=set)

    def learn(self, wireless: Mapping[str, Any]) -> None:
        """Which radio is which, from `network.wireless status`. Raises PersonNeeded, Garbage."""
        self._runs_programs = self.ubus.is_shell or self.ubus.may("file", "exec")
        self._denied.clear()
        self._find(wireless)

    def radio(self, ref: ScopeRef) -> Found:
        """The one radio of a scope. Raises Unsupported."""
        if ref.kind != "radio" or len(ref.members) != 1 or ref.members[0] not in self.found:
            raise Unsupported(f"{self.name} has no {ref.kind} {ref.name}")
        return self.found[ref.members[0]]

    async def read(self, tables: frozenset[Table], radios: Collection[RadioKey] | None) -> Snapshot:
        """Raises what concerns the AP as a whole."""
        wanted = {radio.key for radio in self.radios} if radios is None else set(radios)
        extra = (UCI,) if Table.STATUS in tables and self.ubus.may("uci", "get") else ()
        answers = await self._asked([key for key in sorted(wanted) if key in self.found], tables, extra)
        at_s = self.clock()
        readings: dict[RadioKey, RadioReading] = {}
        missing = {key: Absence.ABSENT for key in wanted if key not in self.found}
        for key in sorted(wanted - missing.keys()):
            try:
                readings[key] = await self._reading(self.found[key], answers, tables, at_s)
            except (Missing, Garbage) as error:
                missing[key] = asked.absence(error)
        return Snapshot(at_s=at_s, readings=readings, missing=missing)

    async def base(self, key: RadioKey) -> Base:
        """How the radio stands, with UCI's section where it may be read. Raises TryAgain, Garbage."""
        answers = await self._asked([key], frozenset(), extra=(UCI,))
        if key not in self.found:
            raise TryAgain(f"{self.name}: {key} has gone")
        found = self.found[key]
        try:
            here = await self._base(found, answers, self.clock())
        except Missing as error:
            raise TryAgain(f"{self.name}: {found.ifname}: {error}") from error
        uci = answers.get("uci", "get")
        if uci is not None and isinstance(uci.error, (TryAgain, Garbage)):
            raise uci.error  # that it may not be read is no error: netifd says what it has loaded
        here = self.bases[key] = replace(here, section=_section(found, answers))
        return here

    def _find(self, wireless: Mapping[str, Any]) -> None:
        self.devices = parse_wireless.radios(wireless)
        found = [find(radio, self.devices) for radio in self.radios]
        self.found = {each.key: each for each in found if each is not None}

    async def _asked(
        self, keys: Collection[RadioKey], tables: frozenset[Table], extra: tuple[Call, ...] = ()
    ) -> Answers:
        """One request; a second for radios whose interfaces have other names than the last time."""
        before = {key: self.found[key] for key in keys}
        ours = (CHANGES,) if UCI in extra and self.ubus.may("uci", "changes") else ()
        calls = [WIRELESS, *extra, *ours, *self._calls(before.values(), tables)]
        answers = list(await self.ubus.batch(calls))
        self._find(answers[0].result())
        if ours and _is_staged(answers[calls.index(CHANGES)]):
            answers[calls.index(UCI)] = await self._filed()
        renamed = [now for key, now in self.found.items() if key in before and now.bss != before[key].bss]
        if more := self._calls(renamed, tables):
            calls += more
            answers += await self.ubus.batch(more)
        return Answers.of(calls, answers)

    async def _filed(self) -> Answer:
        """UCI as the AP has it, when our session answers with something staged.

        We never stage here; but while an apply is pending, rpcd gives to who logs in as the same user the
        session that applied (an agent that was started again), and its rollback puts the delta back into it.
        """
        with suppress(TryAgain, NeverAgain, PersonNeeded):
            await self.ubus.call(UCI_REVERT.object, UCI_REVERT.method, UCI_REVERT.args)
        filed, left = await self.ubus.batch((UCI, CHANGES))
        staged = Answer(error=AccessDenied(f"{self.name}: what UCI holds is hidden by staged changes"))
        return staged if _is_staged(left) else filed

    def _calls(self, radios: Collection[Found], tables: frozenset[Table]) -> list[Call]:
        return [
            call for each in radios for call in asked.calls(each, tables, lists=self._wants_lists(each.key))
        ]

    def _wants_lists(self, key: RadioKey) -> bool:
        memory = self._of(key)
        return (
            memory.listed_s is None
            or self.clock() - memory.listed_s > LISTS_S
            or memory.at != _standing(self.bases.get(key))
        )

    def _of(self, key: RadioKey) -> _Memory:
        return self._memory.setdefault(key, _Memory())

    async def _reading(
        self, found: Found, answers: Answers, tables: frozenset[Table], at_s: float
    ) -> RadioReading:
        here = await self._base(found, answers, at_s)
        here = self.bases[found.key] = replace(here, section=_section(found, answers))
        self._learn_lists(found, here, answers, at_s)
        result = reading.reading(found, here, answers, tables, at_s)
        memory = self._of(found.key)
        if Table.STATUS in tables:
            result = replace(result, allowed_mhz=memory.allowed_mhz, power_choices_dbm=memory.powers_dbm)
        if Table.NEIGHBORS in tables:
            result = replace(result, neighbors=await self._neighbors(found))
        return result

    async def _base(self, found: Found, answers: Answers, at_s: float) -> Base:
        device = next(each for each in self.devices if each.section == found.section)
        memory = self._of(found.key)
        here = standing.base(found, device, answers, standing.NOTHING, 0.0)
        if here.status is not None:
            memory.silent_since_s = None
        elif memory.silent_since_s is None:
            memory.silent_since_s = at_s
        memory.phy = _phy(here) or memory.phy
        silent_s = 0.0 if memory.silent_since_s is None else at_s - memory.silent_since_s
        local = await self._local(found, here, memory.phy)
        return standing.base(found, device, answers, local, silent_s)

    async def _local(self, found: Found, here: Base, phy: str | None) -> Local:
        """What only programs on the AP know: why a radio is silent, and what radar has barred."""
        if not self._runs_programs or found.band is Band.GHZ_2_4:
            return standing.NOTHING
        cli = channels = None
        if here.status is None and here.radio.up and found.bss:
            cli = await self._printed("hostapd_cli", "-i", found.ifname, "status")
        if phy is not None:
            channels = await self._printed("iw", "phy", phy, "channels")
        return standing.local_of(found.band, cli, channels)

    async def _printed(self, *argv: str) -> str | None:
        """None: it did not work, or it may not be run; then this is not tried again in this session. That the
        ACL does not know one interface says nothing of the other programs."""
        if argv in self._denied:
            return None
        try:
            ran = await self.ubus.run(*argv)
        except (PersonNeeded, Unsupported, ObjectGone):
            self._denied.add(argv)
            return None
        except StatusRefused as error:
            if error.status in (Status.PERMISSION_DENIED, Status.NOT_FOUND):  # rpcd's words; no such program
                self._denied.add(argv)
            return None
        except DriverError:
            return None
        return ran.stdout if ran.status == 0 else None

    def _learn_lists(self, found: Found, here: Base, answers: Answers, at_s: float) -> None:
        """A radio that is silent now keeps what was listed for it."""
        memory = self._of(found.key)
        channels = answers.get("iwinfo", "freqlist", device=found.ifname)
        powers = answers.get("iwinfo", "txpowerlist", device=found.ifname)
        if channels is not None and channels.error is None:
            memory.allowed_mhz = parse_iwinfo.allowed(channels.data, found.band)
            memory.listed_s, memory.at = at_s, _standing(here)
        if powers is not None and powers.error is None:
            memory.powers_dbm = parse_iwinfo.powers(powers.data)

    async def _neighbors(self, found: Found) -> tuple[NeighborReading, ...] | None:
        """None when the radio would not look now (busy, starting)."""
        with suppress(TryAgain, Garbage, AccessDenied):
            if self.options.scan:
                call = asked.scan(found)
                said = await self.ubus.call(call.object, call.method, call.args, self.options.scan_timeout_s)
                return parse_iwinfo.neighbors(said, found.band)
            heard = await self._printed("iw", "dev", found.ifname, "scan", "dump")
            return None if heard is None else parse_scan.neighbors(heard, found.band)
        return None


def _phy(here: Base) -> str | None:
    told = here.info.phy if here.info is not None else None
    return told or (here.status.phy if here.status is not None else None)


def _standing(here: Base | None) -> object:
    return None if here is None else (here.place, here.radio.country)


def _is_staged(answer: Answer) -> bool:
    return bool(answer.data.get("changes"))


def _section(found: Found, answers: Answers) -> Mapping[str, Any]:
    """Empty where it was not told."""
    answer = answers.get("uci", "get")
    if answer is None or answer.error is not None:
        return {}
    return parse_wireless.sections(answer.data).get(found.section, {})
