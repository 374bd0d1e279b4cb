"""A radio and its hostapd: what it serves and announces, where radar was, when its object is there."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.openwrt.bus import Bus

from inventory.channels import Block, blocks_of, channel_of, channels, frequency_mhz
from inventory.model import Band

DFS = frozenset({*range(5260, 5321, 20), *range(5500, 5721, 20)})
BANDS = {"2g": Band.GHZ_2_4, "5g": Band.GHZ_5, "6g": Band.GHZ_6}
LIMIT_DBM = {"2g": 30, "5g": 23, "6g": 12}
BASE_MHZ = {"2g": 2407, "5g": 5000, "6g": 5950}


def width_of(htmode: str) -> int:
    return int("".join(each for each in htmode.split("+")[0] if each.isdigit()) or 20)


@dataclass(slots=True)
class Air:
    """``block``: where the kernel has it; ``wanted``: where hostapd says it is. ``stranded``: clients that a
    switch without notice left behind; ``drops``: how often all clients were thrown out."""

    bus: Bus
    section: str
    phy: str
    band: str
    config: dict[str, Any] = field(default_factory=dict)
    ssid: str = "lab5"
    bssid: str = "02:00:00:00:00:00"
    state: str = "DOWN"
    block: Block | None = None
    wanted: Block | None = None
    dfs: dict[int, str] = field(default_factory=dict)
    clients: list[dict[str, Any]] = field(default_factory=list)
    stranded: int = 0
    drops: int = 0
    restarts: int = 0
    power_dbm: int | None = None
    ifindex: int = 10
    csa_fails: bool = False
    _timer: threading.Timer | None = None

    @property
    def ifname(self) -> str:
        return f"{self.phy}-ap0"

    @property
    def name(self) -> str:
        return f"hostapd.{self.ifname}"

    @property
    def there(self) -> bool:
        """Whether its object is on the bus."""
        return self.state == "ENABLED"

    def say(self, text: str) -> None:
        self.bus.say(f"hostapd: {self.ifname}: {text}")

    def power(self) -> int:
        assert self.block is not None
        limit = 24 if self.block.primary_mhz in DFS else LIMIT_DBM[self.band]
        return min(limit, self.power_dbm if self.power_dbm is not None else limit)

    def load(self, config: Mapping[str, Any], ssid: str) -> None:
        """netifd has new settings for it."""
        same = {k: v for k, v in config.items() if k != "txpower"}
        before = {k: v for k, v in self.config.items() if k != "txpower"}
        power = config.get("txpower")
        self.power_dbm = int(power) if power is not None else None
        if same != before:
            self.config = dict(config)
            self.ssid = ssid
            self.restart()
        elif ssid != self.ssid:
            self.ssid = ssid
            self.drop()
            self.bus.notify("hostapd", "bss.reload", name=self.ifname)
        self.config = dict(config)

    def restart(self) -> None:
        """Object away, radio off; back after the reload, and after a CAC where its channel needs one."""
        self.down()
        self.restarts += 1
        self.ifindex += 1
        if self.config.get("disabled") in ("1", True):
            return
        self.state = "PENDING"
        self._at(self.bus.tempo.reload_s, self._start)

    def down(self) -> None:
        self._at(0, None)
        self.drop()
        if self.there:
            self.state = "DOWN"
            self.say("AP-DISABLED")
            self.say("CTRL-EVENT-TERMINATING")
            self.bus.gone(self.name)
            self.bus.notify("hostapd", "bss.remove", name=self.ifname)
        self.state, self.block, self.wanted = "DOWN", None, None

    def drop(self) -> None:
        self.drops += bool(self.clients)
        self.clients = []

    def _at(self, delay_s: float, do: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if do is None else self.bus.later(delay_s, do)

    def configured(self) -> Block | None:
        """None: no such channel."""
        band, said = BANDS[self.band], str(self.config.get("channel"))
        primary = channels(band)[0] if said == "auto" else int(said) if said.isdigit() else 0
        try:
            return blocks_of(band, primary, width_of(str(self.config.get("htmode", "HT20"))))[0]
        except (ValueError, IndexError):
            return None

    def _start(self) -> None:
        block = self.configured()
        if block is None:
            self.state = "FAILED"
            self.bus.say("hostapd: Configured channel not found in the hw mode")
            return
        if self._barred(block):
            refuge = self._refuge()
            if refuge is None:
                self.state = "NOP"
                return
            block = refuge
        self._listen(block)

    def _barred(self, block: Block) -> bool:
        return any(self.dfs.get(mhz) == "unavailable" for mhz in block.mhz20)

    def _listen(self, block: Block) -> None:
        needed = {mhz for mhz in block.mhz20 & DFS if self.dfs.get(mhz) != "available"}
        if not needed:
            self._on_air(block)
            return
        self.state, self.block = "CAC", block
        self.say(f"DFS-CAC-START freq={block.primary_mhz} chan={block.primary} cac_time=60s")
        self._at(self.bus.tempo.cac_s, lambda: self._listened(block))

    def _listened(self, block: Block) -> None:
        for mhz in block.mhz20 & DFS:
            self.dfs[mhz] = "available"
        self.say(f"DFS-CAC-COMPLETED success=1 freq={block.primary_mhz} {self._dfs_words(block)}")
        self._on_air(block)

    def _on_air(self, block: Block) -> None:
        self.state, self.block, self.wanted = "ENABLED", block, block
        self.say("AP-ENABLED")
        self.bus.notify("hostapd", "bss.add", name=self.ifname)

    @staticmethod
    def _dfs_words(block: Block) -> str:
        width = {20: 1, 40: 2, 80: 3, 160: 5}[block.width_mhz]
        return f"ht_enabled=1 chan_offset=0 chan_width={width} cf1={block.center_mhz} cf2=0"

    # -- channel switches -----------------------------------------------------------------------------

    def switch(self, args: Mapping[str, Any]) -> int:
        """`switch_chan`. The status; 0 is no proof."""
        freq = args.get("freq")
        if not isinstance(freq, int) or isinstance(freq, bool):
            return 2
        target = self._target(freq, args)
        if target is None or not self._may(target):
            return self._forced(target) if args.get("force") and target is not None else 8
        beacons = int(args.get("bcn_count", 0)) & 0xFF
        self.wanted = target
        if self.csa_fails or (self.block and self._widens(target)):
            self.say("CSA failed")
            self.block, self.wanted = None, None
            self.restart()
            return 0
        self.say(f"CTRL-EVENT-STARTED-CHANNEL-SWITCH freq={target.primary_mhz}")
        self._at(beacons * self.bus.tempo.beacon_s, lambda: self._switched(target, announced=beacons > 0))
        return 0

    def _widens(self, target: Block) -> bool:
        assert self.block is not None
        return target.primary == self.block.primary and target.width_mhz > self.block.width_mhz

    def _target(self, freq: int, args: Mapping[str, Any]) -> Block | None:
        assert self.block is not None
        width = args.get("bandwidth", self.block.width_mhz)
        if width == 20 and "sec_channel_offset" not in args:
            width = 40  # seen: without it 40 MHz come of 20
        try:
            band, primary = channel_of(freq)
            fitting = blocks_of(band, primary, width)
        except ValueError:
            return None
        center = args.get("center_freq1", fitting[0].center_mhz if fitting else 0)
        wrong = width > 20 and args.get("sec_channel_offset", 1) == 0
        found = [each for each in fitting if each.center_mhz == center or width == 20]
        return found[0] if found and band is BANDS[self.band] and not wrong else None

    def _may(self, target: Block) -> bool:
        busy = self._timer is not None and self._timer.is_alive()
        listened = all(self.dfs.get(mhz) == "available" for mhz in target.mhz20 & DFS)
        return not busy and target != self.block and listened

    def _forced(self, target: Block) -> int:
        """All clients drop; a CAC where one is needed, another channel where radar was."""
        if self._barred(target):
            self.restart()
            return 0
        self.down()
        self.state = "PENDING"
        self._at(self.bus.tempo.reload_s, lambda: self._listen(target))
        return 0

    def _switched(self, target: Block, *, announced: bool) -> None:
        old, self.block, self.wanted = self.block, target, target
        for mhz in (old.mhz20 if old else frozenset()) & DFS - target.mhz20:
            if self.dfs.get(mhz) == "available":
                self.dfs[mhz] = "usable"  # the credit of a CAC is lost with the channel
                self.say(f"DFS-PRE-CAC-EXPIRED freq={mhz}")
        if not announced:
            self.stranded += len(self.clients)
            self.clients = []
        self.say(f"CTRL-EVENT-CHANNEL-SWITCH freq={target.primary_mhz} dfs=0")
        self.say(f"AP-CSA-FINISHED freq={target.primary_mhz} dfs={int(bool(target.mhz20 & DFS))}")
        self.bus.notify(
            self.name, "channel-switch", ifname=self.ifname, freq=target.primary_mhz, bssid=self.bssid
        )

    # -- radar ----------------------------------------------------------------------------------------

    def radar(self) -> str:
        """hostapd acts alone: to another channel that it may use, else off air. What the log says."""
        assert self.block is not None
        hit, during_cac = self.block, self.state == "CAC"
        for mhz in hit.mhz20 & DFS:
            self.dfs[mhz] = "unavailable"
        words = f"DFS-RADAR-DETECTED freq={hit.primary_mhz} {self._dfs_words(hit)}"
        self.say(words)
        refuge = self._refuge()
        if refuge is None:
            self.down()
            self.state = "NOP"
            self.bus.say("hostapd: no DFS channels left, waiting for NOP to finish")
            return words
        self.say(f"DFS-NEW-CHANNEL freq={refuge.primary_mhz} chan={refuge.primary} sec_chan=1")
        if during_cac:
            self._on_air(refuge)
        else:
            self.wanted = refuge
            self._at(5 * self.bus.tempo.beacon_s, lambda: self._switched(refuge, announced=True))
        return words

    def _refuge(self) -> Block | None:
        """The first channel of the list `channels` (or of all, for auto) that needs no CAC."""
        listed = self.config.get("channels") or []
        width = width_of(str(self.config.get("htmode", "HT20")))
        numbers = [n for each in listed for n in _spread(str(each))]
        if self.config.get("channel") == "auto" and not numbers:
            numbers = list(channels(BANDS[self.band]))
        for number in numbers:
            if number in channels(Band.GHZ_5):
                fitting = blocks_of(Band.GHZ_5, number, width)
                if fitting and not fitting[0].mhz20 & DFS:
                    return fitting[0]
        return None

    def nop_over(self) -> None:
        """As recorded: the NOP ends, the start fails, and the radio stays off with `up: true`."""
        for mhz, state in self.dfs.items():
            if state == "unavailable":
                self.dfs[mhz] = "usable"
                self.say(
                    f"DFS-NOP-FINISHED freq={mhz} ht_enabled=0 chan_offset=0 chan_width=0 cf1={mhz} cf2=0"
                )
        if self.state == "NOP":
            self.state = "STUCK"
            self.bus.say("hostapd: DFS start_dfs_cac() failed, -1")

    # -- what is asked ----------------------------------------------------------------------------------

    def get_status(self) -> dict[str, Any]:
        assert self.wanted is not None
        op_class = {20: 115, 40: 116, 80: 128, 160: 129, 320: 137}[self.wanted.width_mhz]
        return {
            "status": "ENABLED",
            "bssid": self.bssid,
            "ssid": self.ssid,
            "freq": self.wanted.primary_mhz,
            "channel": self.wanted.primary,
            "op_class": op_class if self.band == "5g" else {20: 81, 40: 83}.get(self.wanted.width_mhz, 133),
            "beacon_interval": 100,
            "bss_color": 61,
            "phy": self.phy,
            "airtime": {"time": 112, "time_busy": 14, "utilization": 31},
            "dfs": {"cac_seconds": 60 * bool(self.wanted.mhz20 & DFS), "cac_active": False},
        }

    def get_clients(self) -> dict[str, Any]:
        told = {each["mac"]: {"assoc": True, "signal": each["signal"]} for each in self.clients}
        return {"freq": self.wanted.primary_mhz if self.wanted else 0, "clients": told}

    def info(self) -> dict[str, Any] | None:
        """iwinfo's; told of a silent radio too."""
        block = self.block or (self.configured() if self.state in ("NOP", "STUCK") else None)
        if block is None:
            return None
        modes = ("HE20",) if self.band == "2g" else ("HE20", "HE40", "HE80", "HE160")
        return {
            "phy": self.phy,
            "ssid": self.ssid,
            "bssid": self.bssid,
            "country": "US",
            "mode": "Master",
            "channel": block.primary,
            "center_chan1": (block.center_mhz - BASE_MHZ[self.band]) // 5,
            "frequency": block.primary_mhz,
            "txpower": self.power() if self.block else 0,
            "noise": -92,
            "htmodes": list(modes),
            "htmode": f"HE{block.width_mhz}",
        }

    def freqlist(self) -> dict[str, Any]:
        band = BANDS[self.band]
        rows = [
            {
                "band": int(self.band[0]),
                "channel": number,
                "mhz": frequency_mhz(band, number),
                "restricted": number > 165,
                "active": self.block is not None and number == self.block.primary,
            }
            for number in channels(band)
            if not (band is Band.GHZ_2_4 and number > 11)
        ]
        return {"results": rows}

    def survey(self) -> dict[str, Any]:
        if self.block is None or self.band == "2g":
            return {"results": []}  # as hwsim's second radio: then hostapd's utilization is all there is
        row = {"noise": 164, "active_time": 112, "busy_time": 14, "rx_time": 0, "tx_time": 0}
        return {"results": [{"mhz": self.block.primary_mhz, **row}]}

    def iw_dev_info(self) -> str:
        lines = [f"Interface {self.ifname}", f"\tifindex {self.ifindex}", f"\taddr {self.bssid}"]
        if self.there:
            lines.append(f"\tssid {self.ssid}")
        lines += ["\ttype AP", "\twiphy 0"]
        if self.block is not None:
            place = f"{self.block.primary} ({self.block.primary_mhz} MHz), width: {self.block.width_mhz} MHz"
            lines += [f"\tchannel {place}, center1: {self.block.center_mhz} MHz"]
            lines += [f"\ttxpower {self.power()}.00 dBm"]
        return "\n".join(lines) + "\n"

    def iw_channels(self) -> str:
        """`iw phy X channels`, of its own band."""
        text = f"Band {int(self.band[0]) // 2 if self.band != '2g' else 1}:\n"
        for row in self.freqlist()["results"]:
            text += f"\t* {row['mhz']} MHz [{row['channel']}] \n\t  Maximum TX power: 23.0 dBm\n"
            if row["restricted"]:
                text += "\t  No IR\n"
            if row["mhz"] in DFS:
                state = self.dfs.get(row["mhz"], "usable")
                text += (
                    f"\t  Radar detection\n\t  DFS state: {state} (for 27 sec)\n\t  DFS CAC time: 60000 ms\n"
                )
        return text

    def cli_status(self) -> str | None:
        """`hostapd_cli status`; None: it cannot be reached."""
        known = {"ENABLED": "ENABLED", "CAC": "DFS", "NOP": "DFS", "STUCK": "DFS", "FAILED": "DISABLED"}
        state = known.get(self.state)
        if state is None:
            return None
        left = "42" if self.state == "CAC" else "N/A"
        freq = self.wanted.primary_mhz if self.wanted else 0
        return (
            f"state={state}\nphy={self.phy}\nfreq={freq}\nieee80211n=1\nieee80211ac=1\nieee80211ax=1\n"
            f"cac_time_seconds=60\ncac_time_left_seconds={left}\nbss[0]={self.ifname}\n"
            f"bssid[0]={self.bssid}\nssid[0]={self.ssid}\n"
        )


def _spread(text: str) -> list[int]:
    """`36-48` and `36`."""
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))
