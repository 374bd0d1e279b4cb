"""A simulated Wi-Fi world: APs, walls, clients, other people's networks, interferers, radar.

Pure: time is an argument (`advance`), or an injected callable (`attach`, which the driver does when it is
opened; from then on every call first advances the world to now). Same seed, same story, however often
the world is looked at. Seconds are those of the agent's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from drivers.simulated.agenda import Agenda
from drivers.simulated.airtime import Foreign, Interferer, daily_ratio
from drivers.simulated.clients import DEMAND_MBPS, Crowd, Station
from drivers.simulated.dfs import RadarMemory, legal_mhz
from drivers.simulated.ether import Ether
from drivers.simulated.firmware import Firmware
from drivers.simulated.noise import SLOT_S, LogNoise
from drivers.simulated.propagation import Position, Propagation, Wall
from drivers.simulated.radio import SimRadio
from drivers.simulated.traffic import Rates, Survey, Traffic
from drivers.types import RadioState, Setting, Signal, Values
from inventory.channels import Block, block, channel_of
from inventory.model import Radio, RadioKey, ap_of

DWELL_S = 0.1

Watcher = Callable[[RadioKey, Signal], None]
"""Told of each signal as it happens; its ``device`` is empty."""


class World:
    """``start_s``: the world's first second. ``start_hour``: the local hour it has then (demand is lowest
    at 3, highest at 15). ``exponent``: of the path loss."""

    def __init__(
        self,
        seed: int,
        country: str,
        *,
        start_s: float = 0.0,
        start_hour: float = 0.0,
        exponent: float = 3.0,
    ) -> None:
        self.country = country
        self.now_s = start_s
        self._seed = seed
        self._midnight_s = start_s - start_hour * 3600
        self._slot_end_s = start_s + SLOT_S
        self._advancing = False
        self._clock: Callable[[], float] | None = None
        self._watchers: list[Watcher] = []
        self._agenda = Agenda()
        self._ether = Ether(Propagation(exponent=exponent))
        self._crowd = Crowd(self._agenda, self._random("clients"), self._emit, self._ether.dirty)
        self._firmware = Firmware(
            country, self._agenda, self._crowd, self._random("firmware"), self._emit, self._ether.retuned
        )
        self._set_hour()

    def _random(self, what: str) -> Random:
        return Random(f"{self._seed}/{what}")  # noqa: S311  a repeatable story is the point

    # time

    def advance(self, now_s: float) -> None:
        """Let time pass; what is due happens in its order. ValueError for a time that has gone by."""
        if self._advancing:  # a scripted action touches the world
            return
        if now_s < self.now_s:
            raise ValueError(f"the world is at {self.now_s} s and cannot go back to {now_s} s")
        self._advancing = True
        try:
            self._run_to(now_s)
        finally:
            self._advancing = False

    def next_s(self) -> float | None:
        """When something will happen by itself; None: never."""
        return self._agenda.next_s()

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Script something: ``world.at(3600, lambda: world.radar(key))``."""
        self._agenda.add(max(when_s, self.now_s), lambda _: action())

    def attach(self, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        """Whoever runs the world gives it a clock, and is woken when `next_s` has become earlier."""
        self._clock = clock
        self._agenda.earlier = wake

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Be told of signals; returns what ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _run_to(self, now_s: float) -> None:
        self._ether.flush(self.now_s)
        while (due := self._next_step_s()) <= now_s:
            self.now_s = due
            if due == self._slot_end_s:
                self._next_slot()
            else:
                self._agenda.pop()(due)
            self._ether.flush(due)
        self.now_s = now_s

    def _next_step_s(self) -> float:
        due = self._agenda.next_s()
        return self._slot_end_s if due is None else min(due, self._slot_end_s)

    def _next_slot(self) -> None:
        self._slot_end_s += SLOT_S
        self._set_hour()
        for radio in self._ether.radios.values():
            radio.noise.step()
        self._ether.all_dirty()

    def _set_hour(self) -> None:
        self._ether.day_ratio = daily_ratio((self.now_s - self._midnight_s) / 3600 % 24)

    def _catch_up(self) -> None:
        if self._clock is not None:
            self.advance(max(self.now_s, self._clock()))

    def _emit(self, key: RadioKey, signal: Signal) -> None:
        for watcher in tuple(self._watchers):
            watcher(key, signal)

    # what there is

    def add_radio(
        self,
        radio: Radio,
        where: Block,
        *,
        position: Position,
        tx_power_dbm: int = 17,
        allowed_mhz: frozenset[int] | None = None,
        stubborn: bool = False,
        managed_by: str | None = None,
        uplink: bool = False,
        ssid: str = "simulated",
    ) -> None:
        """A radio on air; a DFS channel counts as checked. ``allowed_mhz``: the 20 MHz channels that the
        device has at all (None: all legal ones). ``stubborn``: stays when it hears radar."""
        self._catch_up()
        made = SimRadio(
            radio=radio,
            position=position,
            bssid=_mac("02:ab:00", len(self._ether.radios)),
            ssid=ssid,
            block=where,
            tx_power_dbm=tx_power_dbm,
            obss_pd_dbm=-82,
            traffic=Traffic(since_s=self.now_s),
            noise=LogNoise(self._random(f"noise/{radio.key}")),
            memory=RadarMemory(self.country),
            allowed_mhz=allowed_mhz,
            legal_mhz=legal_mhz(self.country, radio, allowed_mhz),
            stubborn=stubborn,
            managed_by=managed_by,
            uplink=uplink,
        )
        made.memory.checked(where)
        made.configured = made.in_force()
        made.startup = made.in_force()
        self._ether.add_radio(made)
        for station in self._crowd.stations.values():
            self._ether.hear(station, made)

    def add_wall(self, a: tuple[float, float], b: tuple[float, float], loss_db: float) -> None:
        """Before the radios."""
        self._ether.add_wall(Wall(a, b, loss_db))

    def add_client(
        self, mac: str, position: Position, demand_mbps: float = DEMAND_MBPS, *, stays: bool = True
    ) -> None:
        """``demand_mbps``: in the busiest hour."""
        self._catch_up()
        station = Station(mac=mac, position=position, demand_mbps=demand_mbps, stays=stays)
        self._ether.place(station)
        self._crowd.add(station, self.now_s)

    def add_clients(self, per_ap: int, *, stays: bool = False) -> None:
        """People around each AP of now, who come and go unless they stay."""
        places = {ap_of(key): radio.position for key, radio in self._ether.radios.items()}
        for around in places.values():
            self.add_clients_around(around, per_ap, stays=stays)

    def add_clients_around(self, place: Position, number: int, *, stays: bool = False) -> None:
        for _ in range(number):
            position, demand = self._crowd.invent(place)
            mac = _mac("06:00:00", len(self._crowd.stations))
            self.add_client(mac, position, demand, stays=stays)

    def add_foreign(
        self,
        bssid: str,
        where: Block,
        position: Position,
        *,
        tx_power_dbm: float = 20,
        busy_ratio: float = 0.2,
    ) -> None:
        """Somebody else's BSS."""
        self._catch_up()
        self._ether.foreign[bssid] = Foreign(bssid, where, position, tx_power_dbm, busy_ratio)
        self._ether.surroundings_changed()

    def add_interferer(
        self,
        name: str,
        low_mhz: float,
        high_mhz: float,
        position: Position,
        *,
        tx_power_dbm: float = 20,
        duty_ratio: float = 0.8,
    ) -> None:
        """Something that is not Wi-Fi, from now on."""
        self._catch_up()
        self._ether.interferers[name] = Interferer(low_mhz, high_mhz, position, tx_power_dbm, duty_ratio)
        self._ether.surroundings_changed()

    def remove_interferer(self, name: str) -> None:
        self._catch_up()
        del self._ether.interferers[name]
        self._ether.surroundings_changed()

    # what happens

    def radar(self, target: RadioKey | int) -> None:
        """Radar pulses: on the primary of this radio (heard by it alone), or on this 20 MHz channel (MHz),
        heard by every radio that listens there. Channels that need no DFS have no ears for it."""
        self._catch_up()
        if isinstance(target, int):
            hit = [each for each in self._ether.radios.values() if target in each.block.mhz20]
            mhz = target
        else:
            hit = [self.radio(target)]
            mhz = hit[0].block.primary_mhz
        for radio in hit:
            if radio.listening and radio.memory.is_dfs(mhz):
                self._firmware.radar(radio, frozenset({mhz}), self.now_s)

    def spoil(self, key: RadioKey, where: Block | None, retry_factor: float) -> None:
        """Retries of the radio are multiplied while it is on this block (None: wherever it is); 1 ends it."""
        self._catch_up()
        self.radio(key).spoiled[where] = retry_factor
        self._ether.dirty(self.radio(key))

    def set_externally(self, key: RadioKey, values: Values) -> None:
        """Somebody else (a person, the vendor's own RRM) writes settings. Raises NotPossible."""
        self.configure(key, values)

    def set_stubborn(self, key: RadioKey, stubborn: bool = True) -> None:
        self.radio(key).stubborn = stubborn

    def drop_clients(self, key: RadioKey, ratio: float = 1.0) -> None:
        """This share of the radio's clients loses the connection; they come back after some seconds."""
        self._catch_up()
        self._crowd.drop(self.radio(key), self.now_s, ratio)

    def reboot(self, ap: str) -> None:
        """``site/ap`` starts again: startup settings, counters from 0, undo timers and NOP forgotten."""
        self._catch_up()
        self._firmware.reboot(self._of_ap(ap), self.now_s)

    def reset_counters(self, key: RadioKey) -> None:
        self._catch_up()
        radio = self.radio(key)
        radio.traffic.settle(self.now_s)
        radio.traffic.reset()

    # what a management session does

    def scan(self, key: RadioKey) -> None:
        """The radio listens 100 ms on each channel that it may use: its survey covers them from then on."""
        self._catch_up()
        radio = self.radio(key)
        for mhz in radio.legal_mhz - {radio.block.primary_mhz} if radio.listening else ():
            band, channel = channel_of(mhz)
            pressure = self._ether.pressure(radio, block(band, channel, 20))
            heard = Rates(busy=min(1.0, pressure.sensed + pressure.noise), rx=pressure.sensed)
            radio.traffic.surveys.setdefault(mhz, Survey()).add(DWELL_S, heard)

    def configure(self, key: RadioKey, values: Values) -> None:
        """Write settings as the device does. Raises NotPossible, with nothing done."""
        self._catch_up()
        self._firmware.configure(self.radio(key), values, self.now_s)

    def arm_undo(self, key: RadioKey, prior: Values, after_s: float) -> str:
        """The device's own timer: back to ``prior`` unless disarmed in time; returns its handle."""
        self._catch_up()
        return self._firmware.arm_undo(self.radio(key), prior, after_s, self.now_s)

    def disarm(self, handle: str) -> bool:
        """True when the timer was still armed."""
        self._catch_up()
        return self._firmware.disarm(handle)

    def undo_now(self, handle: str) -> bool:
        """True when the timer was still armed; the device goes back at once."""
        self._catch_up()
        return self._firmware.undo_now(handle, self.now_s)

    # what can be seen

    @property
    def ether(self) -> Ether:
        return self._ether

    def radio(self, key: RadioKey) -> SimRadio:
        """The radio itself, for looking at. KeyError when there is none."""
        return self._ether.radios[key]

    def has(self, key: RadioKey) -> bool:
        return key in self._ether.radios

    def radio_keys(self) -> tuple[RadioKey, ...]:
        return tuple(self._ether.radios)

    def block_of(self, key: RadioKey) -> Block:
        """The block in force."""
        self._catch_up()
        return self.radio(key).block

    def state_of(self, key: RadioKey) -> RadioState:
        self._catch_up()
        return self.radio(key).state

    def in_force(self, key: RadioKey) -> dict[Setting, int]:
        self._catch_up()
        return self.radio(key).in_force()

    def clients_of(self, key: RadioKey) -> tuple[str, ...]:
        self._catch_up()
        return tuple(self.radio(key).stations)

    def _of_ap(self, ap: str) -> list[SimRadio]:
        return [radio for key, radio in self._ether.radios.items() if ap_of(key) == ap]


def _mac(prefix: str, number: int) -> str:
    return f"{prefix}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
