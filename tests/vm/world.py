"""The radio world inside a guest: an access point, stations, and the air between them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vm.guest import Guest, eventually

HERE = Path(__file__).resolve().parent
RUN = "/run/air"
SSID = "rrmd-guest"
PSK = hashlib.pbkdf2_hmac("sha1", b"rrmd-test-only", SSID.encode(), 4096, 32).hex()  # WPA2's derivation
STATIONS = {"wlan2": "wlan0", "wlan3": "wlan0", "wlan4": "wlan1"}  # station -> the radio it associates to
RADIOS = 5
CAC_S = 60.0

COMMON = f"""driver=nl80211
ctrl_interface=/var/run/hostapd
ssid={SSID}
country_code=US
ieee80211d=1
wmm_enabled=1
ieee80211n=1
ieee80211ax=1
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_psk={PSK}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAir:
    """What `iw dev` says of a radio; None when it is not on a channel."""

    freq_mhz: int
    width_mhz: int
    center_mhz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the medium's configuration; None is any."""

    tx: int | None = None
    rx: int | None = None
    freq_mhz: int | None = None
    values: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        wanted = ("*" if number is None else str(number) for number in (self.tx, self.rx, self.freq_mhz))
        return " ".join([*wanted, *(f"{name}={value}" for name, value in self.values.items())])


class World:
    """Radios of a guest: wlan0 (5 GHz) and wlan1 (2.4 GHz) of the access point; stations wlan2, wlan3, wlan4.

    phyN belongs to wlanN. There is no 6 GHz radio: the US rules let no access point start there (No IR).
    """

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._rules: list[Rule] = []
        self._marks: dict[str, float] = {}
        self._ap_files: list[str] = []

    def reset(
        self,
        channel: int = 36,
        width_mhz: int = 40,
        chanlist: str | None = None,
        rate: float = 120.0,
        wait: bool = True,
    ) -> None:
        """A fresh kernel state and access point; all stations associated, `rate` packets/s to each, no loss.

        No channel is blocked by radar afterwards. On a DFS channel the real 60 s of listening go by first.
        `chanlist` is hostapd's: channels it may choose from after radar, as "36-48 149" or "52-56".
        """
        configs = {"ap5.conf": ap5_config(channel, width_mhz, chanlist), "ap2.conf": ap2_config()}
        self._ap_files = [f"{RUN}/{name}" for name in configs]
        self._rules, self._marks = [], {}
        files = {path.name: path.read_text() for path in HERE.glob("guest_*") if path.name != "guest_init.sh"}
        stations = {f"{station}.conf": station_config(ap) for station, ap in STATIONS.items()}
        self.guest.put_files({f"{RUN}/{name}": text for name, text in (files | configs | stations).items()})
        self.guest.put(f"{RUN}/medium.conf", "")
        self._radios(f"reset {RADIOS} US")
        self._background("medium", f"guest_medium.py {RUN}/medium.conf {RADIOS}")
        eventually(lambda: self._exists("medium.conf.pid"), 15.0, "the medium has registered")
        self.restart_ap()
        for station in STATIONS:
            self._radios(f"station {station[4:]} {_ip(station)}")
        flows = (f"{ap},{_mac(station)},{_ip(ap)},{_ip(station)}" for station, ap in STATIONS.items())
        self._background("traffic", f"guest_traffic.py send {rate} {' '.join(flows)}")
        if wait:
            self.settle(CAC_S + 60.0)

    def access_point(self, channel: int, width_mhz: int) -> None:
        """A fresh kernel state and the access point alone: no station, no traffic, the kernel's own air."""
        configs = {"ap5.conf": ap5_config(channel, width_mhz, None), "ap2.conf": ap2_config()}
        self._ap_files = [f"{RUN}/{name}" for name in configs]
        radios = {"guest_radios.sh": (HERE / "guest_radios.sh").read_text()}
        self.guest.put_files({f"{RUN}/{name}": text for name, text in (radios | configs).items()})
        self._radios("reset 2 US")
        self.restart_ap()
        for ap in ("wlan0", "wlan1"):
            eventually(partial(self._enabled, ap), 60.0, f"{ap} is on air", every=0.5)

    def settle(self, timeout: float = 30.0) -> None:
        """Wait until both radios are on air and every station is associated and receives."""
        for ap in ("wlan0", "wlan1"):
            eventually(partial(self._enabled, ap), timeout, f"{ap} is on air", every=0.5)
        for station in STATIONS:
            eventually(partial(self.associated, station), timeout, f"{station} is associated", every=0.5)
            eventually(partial(self._flows, station), timeout, f"{station} receives steadily", every=0.5)
        self.mark()

    def restart_ap(self) -> None:
        """Kill hostapd and start it with the configuration of `reset`; the kernel keeps blocked channels."""
        self._radios(f"ap {' '.join(self._ap_files)}")
        for ap in ("wlan0", "wlan1"):
            self.guest.run(f"ip addr replace {_ip(ap)}/24 dev {ap}")

    reboot_ap = restart_ap

    def hostapd(self, command: str, radio: str = "wlan0") -> str:
        """What `hostapd_cli` answers, without the line break at the end; "FAIL" is an answer too."""
        return self.guest.run(f"hostapd_cli -i {radio} {command}", check=False).strip()

    def hostapd_state(self, radio: str = "wlan0") -> str:
        """ENABLED, DFS (listening for radar), DISABLED, ...; "" when hostapd does not answer."""
        found = re.search(r"^state=(.*)$", self.hostapd("status", radio), re.M)
        return found[1] if found else ""

    def hostapd_log(self) -> str:
        return self.guest.run(f"cat {RUN}/hostapd.log")

    def radar(self, phy: int = 0) -> None:
        """Let a radio hear radar on the channel that it is on: see first that it is one where DFS is done."""
        self.guest.run(f"echo 1 >/sys/kernel/debug/ieee80211/phy{phy}/hwsim/dfs_simulate_radar")

    def loss(
        self,
        ap_to_sta: float = 0.0,
        sta_to_ap: float = 0.0,
        lost_acks: float = 0.0,
        freq_mhz: int | None = None,
        station: str | None = None,
    ) -> None:
        """Lose frames of the 5 GHz radio: probability per attempt, on one primary frequency or on all.

        `lost_acks` of the frames that arrive are not acknowledged. Rules add up: a later call with another
        frequency leaves the earlier one as it is, with the same it takes its place.
        """
        number = None if station is None else int(station[4:])
        self.rule(Rule(tx=0, rx=number, freq_mhz=freq_mhz, values={"loss": ap_to_sta, "ack": lost_acks}))
        self.rule(Rule(tx=number, rx=0, freq_mhz=freq_mhz, values={"loss": sta_to_ap}))

    def signal(self, station: str, dbm: int) -> None:
        """How loud the station and its radio hear each other."""
        number, radio = int(station[4:]), int(STATIONS[station][4:])
        for tx, rx in ((number, radio), (radio, number)):
            self.rule(Rule(tx=tx, rx=rx, values={"signal": dbm}))

    def rule(self, *rules: Rule) -> None:
        """Add rules to the medium and have it read them; when this returns they are in force."""
        self._rules += rules
        self._write_rules()

    def lossless(self) -> None:
        """Forget all rules: nothing is lost, everybody hears everybody at -50 dBm."""
        self._rules = []
        self._write_rules()

    def associated(self, station: str) -> bool:
        """True when the station's key exchange is done and it is on the access point's channel."""
        link = self._in(station, f"wpa_cli -p {RUN}/wpa -i {station} status")
        return "wpa_state=COMPLETED" in link

    def mark(self) -> None:
        """Measure `station_gap_ms` from now on."""
        now = self._uptime()
        self._marks = dict.fromkeys(STATIONS, now)

    def station_gap_ms(self, station: str) -> int:
        """Longest time without downlink since `mark` (or `reset`), the present silence included; >= 50 or 0.

        Resolution: the gap between two packets at full rate (8 ms) and the report's age (100 ms).
        """
        since = self._marks.get(station, 0.0)
        gaps = [(max(start, since), end) for start, end in self._gaps(station)]
        longest = max((end - start for start, end in gaps if end > start), default=0.0)
        return round(longest * 1000) if longest > 0.05 else 0

    def silent_ms(self, station: str) -> float:
        """Time since the last packet of downlink, in ms."""
        return (self._uptime() - float(self._report(station)[0].split()[1])) * 1000

    def received(self, station: str) -> int:
        """Downlink packets since `reset`."""
        return int(self._report(station)[0].split()[2])

    def on_air(self, radio: str = "wlan0") -> OnAir | None:
        """Channel of a radio as the kernel has it; None when it does not beacon (off, or in CAC)."""
        info = self.guest.run(f"iw dev {radio} info", check=False)
        found = re.search(r"channel \d+ \((\d+) MHz\), width: (\d+) MHz.*, center1: (\d+) MHz", info)
        if found is None or "ssid " not in info:
            return None
        return OnAir(freq_mhz=int(found[1]), width_mhz=int(found[2]), center_mhz=int(found[3]))

    def dfs_states(self, phy: int = 0) -> dict[int, str]:
        """ "usable", "available" or "unavailable" per channel number that needs DFS."""
        text = self.guest.run(f"iw phy phy{phy} channels")
        found = re.findall(r"\* \d+ MHz \[(\d+)\](?:(?!\* \d).)*?DFS state: (\w+)", text, re.S)
        return {int(channel): state for channel, state in found}

    def station_counters(self, station: str, radio: str | None = None) -> dict[str, int]:
        """What the access point counts of a station: "tx packets", "tx retries", "tx failed", ..."""
        text = self.guest.run(f"iw dev {radio or STATIONS[station]} station get {_mac(station)}")
        return {name: int(value) for name, value in re.findall(r"^\t([a-z /]+):\s*(-?\d+)", text, re.M)}

    def _write_rules(self) -> None:
        text = "".join(f"{rule}\n" for rule in self._rules)
        self.guest.put(f"{RUN}/medium.conf", text)
        self.guest.run(f"kill -HUP $(cat {RUN}/medium.conf.pid)")

    def _radios(self, arguments: str) -> str:
        return self.guest.run(f"sh {RUN}/guest_radios.sh {arguments} 2>&1")

    def _background(self, name: str, program: str) -> None:
        # In front of what tests run by SSH: a busy processor would look like a gap on the air.
        start = f"nice -n -15 python3 -S {program} >{name}.log 2>&1 </dev/null & echo $! >{name}.pid"
        self.guest.run(f"cd {RUN}; {start}")

    def _enabled(self, radio: str) -> bool:
        return self.hostapd_state(radio) == "ENABLED"

    def _exists(self, name: str) -> bool:
        return "yes" in self.guest.run(f"[ -s {RUN}/{name} ] && echo yes", check=False)

    def _in(self, station: str, command: str) -> str:
        return self.guest.run(f"ip netns exec sta{station[4:]} {command}", check=False)

    def _uptime(self) -> float:
        return float(self.guest.run("cat /proc/uptime").split()[0])

    def _report(self, station: str) -> list[str]:
        """Lines that the station's receiver wrote."""
        lines = self.guest.run(f"cat {RUN}/gap-{station}", check=False).splitlines()
        return lines or ["0 0 0"]

    def _flows(self, station: str) -> bool:
        """True when the last second brought packets without a pause of 250 ms."""
        now = self._uptime()
        recent = [(start, end) for start, end in self._gaps(station) if end > now - 1.0]
        return bool(recent) and all(end - start < 0.25 for start, end in recent) and now - recent[-1][1] < 0.5

    def _gaps(self, station: str) -> Iterable[tuple[float, float]]:
        for line in self._report(station)[1:]:
            start, end = line.split()
            yield float(start), float(end)


def block_center(channel: int, width_mhz: int) -> int:
    """Number of the middle of the block of that width that holds a 20 MHz channel of the 5 GHz band."""
    if width_mhz == 20:
        return channel
    first = 149 if channel >= 149 else 100 if channel >= 100 else 36
    per_block = width_mhz // 20 * 4
    start = first + (channel - first) // per_block * per_block
    return start + (width_mhz // 20 - 1) * 2


def ap5_config(channel: int, width_mhz: int, chanlist: str | None) -> str:
    center = block_center(channel, width_mhz)
    above = (channel - (149 if channel >= 149 else 36)) % 8 == 0
    wide = int(width_mhz == 80)
    lines = [
        "interface=wlan0",
        COMMON.strip(),
        "hw_mode=a",
        "ieee80211h=1",
        f"channel={channel}",
        "ieee80211ac=1",
        f"vht_oper_chwidth={wide}",
        f"vht_oper_centr_freq_seg0_idx={center if wide else 0}",
        f"he_oper_chwidth={wide}",
        f"he_oper_centr_freq_seg0_idx={center if wide else 0}",
        "he_bss_color=11",
    ]
    if width_mhz > 20:
        lines.append(f"ht_capab=[HT40{'+' if above else '-'}]")
    if chanlist:
        lines.append(f"chanlist={chanlist}")
    return "\n".join(lines) + "\n"


def ap2_config() -> str:
    return f"interface=wlan1\n{COMMON}hw_mode=g\nchannel=6\nhe_bss_color=12\n"


def station_config(ap: str) -> str:
    """wpa_supplicant's file: only the channels of one band are searched, which saves seconds."""
    if ap == "wlan0":
        freqs = [*range(5180, 5321, 20), *range(5500, 5701, 20), *range(5745, 5826, 20)]
    else:
        freqs = [*range(2412, 2463, 5)]
    return f"""ctrl_interface={RUN}/wpa
p2p_disabled=1
network={{
    ssid="{SSID}"
    psk={PSK}
    key_mgmt=WPA-PSK
    scan_freq={" ".join(map(str, freqs))}
    freq_list={" ".join(map(str, freqs))}
}}
"""


def _mac(interface: str) -> str:
    return f"02:00:00:00:{int(interface[4:]):02x}:00"


def _ip(interface: str) -> str:
    subnet = 24 if STATIONS.get(interface, interface) == "wlan1" else 5
    return f"192.168.{subnet}.{10 + int(interface[4:])}"
