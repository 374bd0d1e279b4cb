"""A simulated Wi-Fi world: APs, walls, clients, other people's networks, interferers, radar.

Pure: time is an argument (`advance`), or an injected callable (`attach`, which the driver does when it is
opened; from then on every call first advances the world to now). Same seed, same story, however often
the world is looked at. Seconds are those of the agent's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from drivers.simulated.airtime import Foreign, Interferer, listening
from drivers.simulated.clients import DEMAND_MBPS, Crowd
from drivers.simulated.clockwork import Clockwork
from drivers.simulated.day import Day
from drivers.simulated.dfs import RadarMemory, legal_mhz
from drivers.simulated.ether import Ether
from drivers.simulated.firmware import Firmware
from drivers.simulated.hardware import Hardware
from drivers.simulated.hearing import Hearing
from drivers.simulated.hostile import Hostile, noticed
from drivers.simulated.noise import LogNoise
from drivers.simulated.people import People
from drivers.simulated.propagation import Position, Propagation, Rooms, Wall
from drivers.simulated.radio import POWER_REF_DBM, SimRadio
from drivers.simulated.station import Station
from drivers.simulated.traffic import Survey, Traffic
from drivers.types import RadioState, Setting, Values
from inventory.channels import Block, block, channel_of
from inventory.model import Band, Radio, RadioKey, ap_of

DWELL_S = 0.1

MICROWAVE_MHZ = (2447.0, 2483.0)
MICROWAVE: Mapping[str, Any] = MappingProxyType(
    {"tx_power_dbm": 25.0, "duty_ratio": 0.5, "what": "microwave oven"}
)


class World(Clockwork):
    """``start_s``: the world's first second. ``start_hour``: the local hour it has then (demand is lowest
    at 3, highest at 15). ``exponent``: of the path loss; ``rooms``: a building of equal rooms.

    What goes wrong with APs is in ``hardware``, attacks in ``hostile``, crowds and what everybody got in
    ``people``.
    """

    def __init__(
        self,
        seed: int,
        country: str,
        *,
        start_s: float = 0.0,
        start_hour: float = 0.0,
        exponent: float = 3.0,
        rooms: Rooms | None = None,
    ) -> None:
        day = Day(start_s - start_hour * 3600, start_s)
        hearing = Hearing(Propagation(exponent=exponent, rooms=rooms))
        super().__init__(start_s, day, Ether(hearing, day, self._noticed))
        self.country = country
        self._seed = seed
        self._crowd = Crowd(
            self._agenda,
            self._random("clients"),
            self._emit,
            self._ether.dirty,
            self.day,
            hearing.place,
            hearing.unplace,
        )
        self._firmware = Firmware(
            country, self._agenda, self._crowd, self._random("firmware"), self._emit, self._ether.retuned
        )
        self.hardware = Hardware(self, self._firmware, self._crowd, self._ether, self._emit)
        self.hostile = Hostile(self, self._crowd, self._ether, self._emit)
        self.people = People(self, self._crowd)

    def _random(self, what: str) -> Random:
        return Random(f"{self._seed}/{what}")  # noqa: S311  a repeatable story is the point

    def _noticed(self, radio: SimRadio, heard: Mapping[str, Interferer]) -> None:
        for signal in noticed(radio, heard, self.now_s):
            self._emit(radio.key, signal)

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
        power_ref_dbm: int = POWER_REF_DBM,
    ) -> None:
        """A radio on air; a DFS channel counts as checked. ``allowed_mhz``: the 20 MHz channels that the
        device has at all (None: all legal ones). ``stubborn``: stays when it hears radar. ``power_ref_dbm``:
        from which a raised OBSS-PD level takes its power (21; 25 with three spatial streams or more)."""
        self.catch_up()
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
            power_ref_dbm=power_ref_dbm,
        )
        made.memory.checked(where)
        made.configured = made.in_force()
        made.startup = made.in_force()
        self._ether.add_radio(made)

    def add_wall(self, a: tuple[float, float], b: tuple[float, float], loss_db: float) -> None:
        """Before the radios."""
        self._ether.hearing.add_wall(Wall(a, b, loss_db))

    def add_client(
        self,
        mac: str,
        position: Position,
        demand_mbps: float = DEMAND_MBPS,
        *,
        stays: bool = True,
        max_width_mhz: int = 80,
        only: Band | None = None,
        walk: tuple[Position, ...] = (),
    ) -> None:
        """``demand_mbps``: in the busiest hour. ``only``: the one band that it has. ``walk``: places between
        which it goes to and fro."""
        self.catch_up()
        station = Station(
            mac=mac,
            position=position,
            demand_mbps=demand_mbps,
            stays=stays,
            max_width_mhz=max_width_mhz,
            only=only,
            walk=walk,
        )
        self._crowd.add(station, self.now_s)

    def add_clients(self, per_ap: int, *, stays: bool = False) -> None:
        """People around each AP of now, who come and go unless they stay."""
        self.people.settle(self.places(), per_ap, stays=stays)

    def add_clients_around(self, place: Position, number: int, *, stays: bool = False) -> None:
        self.people.settle((place,), number, stays=stays)

    def add_foreign(
        self,
        bssid: str,
        where: Block,
        position: Position,
        *,
        tx_power_dbm: float = 20,
        busy_ratio: float = 0.2,
        ssid: str | None = "neighbour",
    ) -> None:
        """Somebody else's BSS. ``ssid`` None: hidden."""
        self.catch_up()
        self._ether.add_foreign(Foreign(bssid, where, position, tx_power_dbm, busy_ratio, ssid))

    def remove_foreign(self, bssid: str) -> None:
        self.catch_up()
        self._ether.remove_foreign(bssid)

    def add_interferer(
        self,
        name: str,
        low_mhz: float,
        high_mhz: float,
        position: Position,
        *,
        tx_power_dbm: float = 20,
        duty_ratio: float = 0.8,
        what: str = "unknown",
    ) -> None:
        """Something that is not Wi-Fi, from now on. ``what``: a spectrum analyser's name for it."""
        self.catch_up()
        source = Interferer(low_mhz, high_mhz, position, tx_power_dbm, duty_ratio, what)
        self._ether.add_interferer(name, source)

    def remove_interferer(self, name: str) -> None:
        self.catch_up()
        self._ether.remove_interferer(name)

    def add_microwave(self, name: str, position: Position, from_s: float, until_s: float) -> None:
        """A microwave oven that runs between these times: every other half of the mains cycle."""
        self.at(from_s, lambda: self.add_interferer(name, *MICROWAVE_MHZ, position, **MICROWAVE))
        self.at(until_s, lambda: self.remove_interferer(name))

    # what happens

    def radar(self, target: RadioKey | int) -> None:
        """Radar pulses: on the primary of this radio (heard by it alone), or on this 20 MHz channel (MHz),
        heard by every radio that listens there. Channels that need no DFS have no ears for it."""
        self.catch_up()
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
        self.catch_up()
        self.radio(key).spoiled[where] = retry_factor
        self._ether.dirty(self.radio(key))

    def set_externally(self, key: RadioKey, values: Values) -> None:
        """Somebody else (a person, the vendor's own RRM) writes settings. Raises NotPossible."""
        self.configure(key, values)

    def set_stubborn(self, key: RadioKey, stubborn: bool = True) -> None:
        self.radio(key).stubborn = stubborn

    def drop_clients(self, key: RadioKey, ratio: float = 1.0) -> None:
        """This share of the radio's clients loses the connection; they come back after some seconds."""
        self.catch_up()
        self._crowd.drop(self.radio(key), self.now_s, ratio)

    def reboot(self, ap: str) -> None:
        """``site/ap`` starts again: startup settings, counters from 0, undo timers and NOP forgotten."""
        self.catch_up()
        self._firmware.reboot(self.of_ap(ap), self.now_s)

    def reset_counters(self, key: RadioKey) -> None:
        self.catch_up()
        radio = self.radio(key)
        radio.traffic.settle(self.now_s)
        radio.traffic.reset()

    # what a management session does

    def scan(self, key: RadioKey) -> None:
        """The radio listens 100 ms on each channel that it may use: its survey covers them from then on."""
        self.catch_up()
        radio = self.radio(key)
        for mhz in radio.legal_mhz - {radio.block.primary_mhz} if radio.listening else ():
            band, channel = channel_of(mhz)
            pressure = self._ether.pressure(radio, block(band, channel, 20))
            radio.traffic.surveys.setdefault(mhz, Survey()).add(DWELL_S, listening(pressure))

    def configure(self, key: RadioKey, values: Values) -> None:
        """Write settings as the device does. Raises NotPossible, with nothing done."""
        self.catch_up()
        self._firmware.configure(self.radio(key), values, self.now_s)

    def restart(self, key: RadioKey) -> None:
        """Off and on air again: clients drop, a stuck queue is free. Raises NotPossible."""
        self.catch_up()
        self._firmware.restart(self.radio(key), self.now_s)

    def steer(self, key: RadioKey, macs: Collection[str], to_bssids: Collection[str]) -> None:
        """A BSS-transition hint to these clients; none named: to all of the radio."""
        self.catch_up()
        self._crowd.hint(self.radio(key), macs, to_bssids, self.now_s)

    def arm_undo(self, key: RadioKey, prior: Values, after_s: float) -> str:
        """The device's own timer: back to ``prior`` unless disarmed in time; returns its handle."""
        self.catch_up()
        return self._firmware.arm_undo(self.radio(key), prior, after_s, self.now_s)

    def disarm(self, handle: str) -> bool:
        """True when the timer was still armed."""
        self.catch_up()
        return self._firmware.disarm(handle)

    def undo_now(self, handle: str) -> bool:
        """True when the timer was still armed; the device goes back at once."""
        self.catch_up()
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
        self.catch_up()
        return self.radio(key).block

    def state_of(self, key: RadioKey) -> RadioState:
        self.catch_up()
        return self.radio(key).state

    def in_force(self, key: RadioKey) -> dict[Setting, int]:
        self.catch_up()
        return self.radio(key).in_force()

    def clients_of(self, key: RadioKey) -> tuple[str, ...]:
        self.catch_up()
        return tuple(self.radio(key).stations)

    def of_ap(self, ap: str) -> list[SimRadio]:
        return [radio for key, radio in self._ether.radios.items() if ap_of(key) == ap]

    def places(self) -> tuple[Position, ...]:
        """Of the APs, each once."""
        found = {ap_of(key): radio.position for key, radio in self._ether.radios.items()}
        return tuple(found.values())


def _mac(prefix: str, number: int) -> str:
    return f"{prefix}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
