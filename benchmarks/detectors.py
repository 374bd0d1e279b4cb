"""How often the detectors raise an event at a quiet site, and how soon they see real trouble.

Quiet: AR(1) log-ratios of retries, failed frames and rate (rho 0.6, sigma 0.35 per minute; half of the sites
share half of it), a daily load swing of x5, clients that come and go, surveys that jitter, tables that
refresh late. Trouble: one radio of such a site, from a random moment on. The detectors are the daemon's own,
asked at every sample; what they are given is worked out here.

Run from the repository: ``python -m benchmarks.detectors [--quick] [--json]``.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import platform
import random
import statistics
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from agent.detectors.sight import Presence, Sight
from agent.detectors.table import DETECTORS
from agent.events import EventKind
from agent.history import KEEP_S
from agent.moment import Moment
from agent.observation import Observation
from agent.view import RadioView, SiteView
from benchmarks.monitor import Walk, draw
from drivers.types import Capabilities, RadioReading, RadioState, Reported, Table
from inventory.model import AccessPoint, Band, DeviceConfig, Policy, Radio, RadioKey, Site

STEP_S = 30.0
LEVELS = (0.02, 0.05, 0.10, 0.20)  # median retry share, radio by radio
REFRESHES = (1, 1, 1, 1, 2, 4)  # samples per refresh of the frame counters
BEACONS = 0.01  # of the air
WARM = 90  # samples before anything counts: the history is full then
SEEDS = (1, 2, 3)
ABLE = Capabilities(tables=frozenset(Table), settings=MappingProxyType({}), rx_time_trusted=True)


@dataclass(slots=True)
class Trouble:
    """What is wrong with one radio; factors of 1 and shares of 0 are nothing."""

    duty: float = 0.0
    noise_db: float = 0.0
    foreign: float = 0.0
    retries: float = 1.0
    failed: float = 1.0
    rate: float = 1.0
    crowd: float = 1.0
    thrown_out: int = 0  # per minute
    stuck: bool = False
    resets: float = 0.0  # chance per sample
    off: bool = False


NO_TROUBLE = Trouble()

TROUBLES: tuple[tuple[str, EventKind, Trouble], ...] = (
    ("not Wi-Fi, 80 % duty", EventKind.NON_WIFI_BURST, Trouble(duty=0.8, retries=1.5)),
    ("microwave oven: 45 % duty, retries x3", EventKind.NON_WIFI_BURST, Trouble(duty=0.45, retries=3.0)),
    ("foreign load 85 %", EventKind.SPECTRUM_SAT, Trouble(foreign=0.85)),
    ("three times the clients", EventKind.DENSITY_SPIKE, Trouble(crowd=3.0)),
    ("retries x6", EventKind.EMERGENCY_QOE, Trouble(retries=6.0)),
    ("failed frames x8", EventKind.EMERGENCY_QOE, Trouble(failed=8.0)),
    ("a quarter of the rate", EventKind.EMERGENCY_QOE, Trouble(rate=0.25)),
    ("15 clients a minute leave", EventKind.EMERGENCY_QOE, Trouble(thrown_out=15)),
    ("45 clients a minute are thrown out", EventKind.SECURITY, Trouble(thrown_out=45)),
    ("jammer, noise +25 dB", EventKind.SECURITY, Trouble(duty=0.95, noise_db=25.0)),
    ("stuck queue", EventKind.HW_FAILURE, Trouble(stuck=True)),
    ("a reset every other minute", EventKind.HW_FAILURE, Trouble(resets=0.25)),
    ("radio off", EventKind.HW_FAILURE, Trouble(off=True)),
)


class Air:
    """What the radios of a site share: half of the noise or none of it, and the time of day."""

    def __init__(self, rng: random.Random, shared: float) -> None:
        self.shared, self.alone = math.sqrt(shared), math.sqrt(1 - shared)
        self._walks = [Walk(rng, 0.6, 0.35) for _ in range(3)]
        self.noise = (0.0, 0.0, 0.0)
        self.load = 1.0
        self._phase = rng.random()

    def step(self, n: int) -> None:
        if n % 2 == 0:  # a slot of the noise is a minute
            self.noise = tuple(self.shared * walk.step() for walk in self._walks)  # type: ignore[assignment]
        self.load = 5 ** (0.5 * math.sin(2 * math.pi * (self._phase + n * STEP_S / 86_400)))


class SimRadio:
    """One radio: what a driver would make of its counters, a sample at a time."""

    def __init__(self, rng: random.Random, air: Air, key: RadioKey, level: float) -> None:
        self.rng, self.air, self.key, self.level = rng, air, key, level
        self.refresh = rng.choice(REFRESHES)
        self.size = rng.randint(3, 25)
        self.names = 0
        self.clients: list[str] = []
        self.walks = [Walk(rng, 0.6, 0.35) for _ in range(4)]
        self.own = [0.0] * 4
        self.seen: deque[Observation] = deque()
        self.pending = [0, 0, 0, 0]
        self.trouble = NO_TROUBLE
        self.off = False

    @property
    def usual_clients(self) -> float:
        return self.size * self.air.load

    def step(self, n: int, now_s: float) -> None:
        """Live through one sample, and keep what a poll at its end would have seen."""
        if n % 2 == 0:
            self.own = [walk.step() for walk in self.walks]
        gone = self._move()
        if self.off:
            return
        if self.trouble.off:
            self.off = True
            self._keep(Observation(key=self.key, at_s=now_s, span_s=STEP_S, state=RadioState.OFF))
            return
        tx_ms = self._send()
        renewed = n % self.refresh == 0
        frames, retries, failed, size = self.pending if renewed else (0, 0, 0, 0)
        if renewed:
            self.pending = [0, 0, 0, 0]
        tx = min(0.5, tx_ms / (STEP_S * 1e3))
        self._keep(
            Observation(
                key=self.key,
                at_s=now_s,
                span_s=STEP_S,
                channel=36,
                width_mhz=20,
                frames=frames,
                retries=retries,
                failed=failed,
                bytes=size,
                tx_airtime_ms=round(tx_ms),
                client_count=len(self.clients),
                gone=frozenset(gone),
                hardware_resets=int(self.rng.random() < self.trouble.resets),
                **self._survey(tx),
            )
        )

    def _survey(self, tx: float) -> dict[str, Any]:
        """Shares of the air; busy is read a little apart from its parts."""
        rng, air = self.rng, self.air
        rx = min(
            0.95 - tx,
            max(0.02, self.trouble.foreign, min(0.25, 0.12 * air.load * math.exp(0.3 * self.own[3]))),
        )
        rx = max(0.0, min(rx, 1.0 - tx - self.trouble.duty))
        non_wifi = max(self.trouble.duty, 0.02 * rng.random())
        busy = min(1.0, tx + rx + non_wifi + rng.uniform(-0.01, 0.01))
        noise_dbm = -95.0 + self.trouble.noise_db + rng.choice((-1, 0, 0, 1))
        return {"busy_ratio": busy, "rx_ratio": rx, "tx_ratio": tx, "noise_dbm": noise_dbm}

    def _send(self) -> float:
        """Frames of one sample; milliseconds of own air time."""
        site, own, rng = self.air.noise, self.own, self.rng
        trouble, alone = self.trouble, self.air.alone
        p = min(0.9, trouble.retries * min(0.9, self.level * math.exp(site[0] + alone * own[0])))
        per = min(0.9, trouble.failed * self.level / 10 * math.exp(site[1] + alone * own[1]))
        rate = trouble.rate * 6000 * math.exp(site[2] + alone * own[2])
        frames = 0 if trouble.stuck else round(1000 * len(self.clients) * self.air.load * math.exp(own[3]))
        sent = (frames, draw(rng, round(frames / (1 - p)), p), draw(rng, frames, per), frames * 900)
        self.pending = [old + new for old, new in zip(self.pending, sent, strict=True)]
        return frames * 900 / rate / (1 - p) + BEACONS * STEP_S * 1e3

    def _move(self) -> list[str]:
        """Clients come and go, 3 % a minute, faster when they are fewer or more than this hour brings."""
        rng, trouble = self.rng, self.trouble
        wanted = self.size * self.air.load * trouble.crowd
        leaving = draw(rng, len(self.clients), 0.015)
        gone = [self.clients.pop(rng.randrange(len(self.clients))) for _ in range(leaving) if self.clients]
        rush = 5.0 if trouble.crowd > 1 else 1.0
        for _ in range(draw(rng, 100, min(1.0, rush * 0.015 * wanted / 100))):
            self.clients.append(self._name())
        for _ in range(trouble.thrown_out // 2):  # thrown out, and back again
            gone.append(self._name())
        return gone

    def _name(self) -> str:
        self.names += 1
        return f"{self.key}-{self.names}"

    def settle(self) -> None:
        self.clients = [self._name() for _ in range(round(self.usual_clients))]

    def _keep(self, observation: Observation) -> None:
        self.seen.append(observation)
        while self.seen[0].at_s < observation.at_s - KEEP_S:
            self.seen.popleft()


def site(radios: int) -> Site:
    """Single-radio APs of one site, default policy."""
    names = [f"ap{n}" for n in range(radios)]
    return Site(
        id="s",
        country="US",
        timezone="UTC",
        policy=Policy(),
        devices={name: DeviceConfig(id=name, driver="simulated", address=name) for name in names},
        aps={
            name: AccessPoint(
                id=name, device=name, radios=(Radio(key=RadioKey(f"s/{name}/r"), band=Band.GHZ_5),)
            )
            for name in names
        },
    )


@dataclass(slots=True)
class Watcher:
    """Asks every detector about every radio, and keeps which events are open, as the daemon does."""

    where: Site
    radios: Sequence[SimRadio]
    open: dict[tuple[EventKind, str], float] = field(default_factory=dict)
    what: Counter[str] = field(default_factory=Counter)
    cost_us: list[float] = field(default_factory=list)
    view: SiteView | None = None

    def look(self, now_s: float, whom: Sequence[SimRadio]) -> list[EventKind]:
        """Kinds of the events raised now."""
        view = self._view(now_s)
        histories = {radio.key: tuple(radio.seen) for radio in self.radios}
        new: list[EventKind] = []
        for radio in whom:
            sight = Sight(
                view=view,
                key=radio.key,
                observations=tuple(radio.seen),
                usual_clients=radio.usual_clients,
                histories=histories,
            )
            begun = time.thread_time_ns()
            for kind, detect in DETECTORS.items():
                for finding in detect(sight, {key for what, key in self.open if what is kind}):
                    if finding.presence is Presence.OVER:
                        self.open.pop((kind, finding.key), None)
                        continue
                    if (kind, finding.key) not in self.open:
                        new.append(kind)
                        self.what[f"{kind} {finding.evidence.get('what', '')}".strip()] += 1
                    self.open[kind, finding.key] = now_s
            self.cost_us.append((time.thread_time_ns() - begun) / 1e3)
        self._forget(now_s)
        return new

    def _forget(self, now_s: float) -> None:
        forget_s = self.where.policy.detect.forget_s
        for known in [known for known, at_s in self.open.items() if now_s - at_s > forget_s]:
            del self.open[known]

    def _view(self, now_s: float) -> SiteView:
        now = Moment(
            monotonic_s=now_s, utc_us=round(now_s * 1e6), boot_id="b", boottime_us=round(now_s * 1e6)
        )
        if self.view is None:
            by_key = {radio.key: radio for radio in self.radios}
            views = {
                key: RadioView(
                    radio=r, device=key, reading=_reading(by_key[key]), capabilities=_able(by_key[key])
                )
                for key, r in self.where.radios.items()
            }
            self.view = SiteView(site=self.where, now=now, radios=views)
        self.view = replace(self.view, now=now)
        off = [r for r in self.radios if r.off and self.view.radios[r.key].on_air]
        if off:
            views = dict(self.view.radios)
            for radio in off:
                views[radio.key] = replace(views[radio.key], reading=_reading(radio))
            self.view = replace(self.view, radios=views)
        return self.view


def _reading(radio: SimRadio) -> RadioReading:
    """Read for ever: what the detectors take from it is its state and its channel."""
    return RadioReading(
        key=radio.key,
        at_s=1e12,
        state=RadioState.OFF if radio.off else RadioState.ON_AIR,
        band=Band.GHZ_5,
        channel=Reported(36, "s"),
        width_mhz=Reported(20, "s"),
        center_mhz=Reported(5180, "s"),
    )


def _able(radio: SimRadio) -> Capabilities:
    return replace(ABLE, refresh_s={Table.CLIENTS: radio.refresh * STEP_S, Table.SURVEY: STEP_S})


def fleet(rng: random.Random, where: Site, shared: float) -> tuple[Air, list[SimRadio]]:
    air = Air(rng, shared)
    air.step(0)
    radios = [SimRadio(rng, air, key, LEVELS[n % len(LEVELS)]) for n, key in enumerate(where.radios)]
    for radio in radios:
        radio.settle()
    return air, radios


# -- a quiet week -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    seed: int
    shared: float
    radios: int
    days: float


def quiet(task: Quiet) -> dict[str, Any]:
    """Events raised by kind, and what a look at one radio cost."""
    rng = random.Random(f"quiet/{task.seed}/{task.shared}")
    where = site(task.radios)
    air, radios = fleet(rng, where, task.shared)
    watcher = Watcher(where, radios)
    for n in range(1, WARM + round(task.days * 86_400 / STEP_S)):
        air.step(n)
        for radio in radios:
            radio.step(n, n * STEP_S)
        if n >= WARM:
            watcher.look(n * STEP_S, radios)
    costs = sorted(rng.sample(watcher.cost_us, min(20_000, len(watcher.cost_us))))
    return {
        "events": dict(watcher.what),
        "ap_days": task.radios * task.days,
        "us": {"median": statistics.median(costs), "p99": costs[int(0.99 * len(costs))]},
    }


# -- trouble ----------------------------------------------------------------------------------------------

WITHIN = 40  # samples: twenty minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    name: str
    kind: EventKind
    trouble: Trouble
    count: int
    seed: int


def story(task: Story) -> dict[str, Any]:
    """Share of the cases in which the right kind of event was raised within 20 minutes, and when."""
    rng = random.Random(f"{task.name}/{task.seed}")
    minutes: list[float] = []
    for case in range(task.count):
        where = site(6)
        air, radios = fleet(rng, where, (0.0, 0.5)[case % 2])
        victim = radios[2 + case % 2]  # retries of 10 and 20 %: at 2 %, six times as many harm nobody
        victim.size = max(victim.size, 20)
        watcher = Watcher(where, radios)
        for n in range(1, WARM + WITHIN):
            air.step(n)
            if n == WARM:
                victim.trouble = task.trouble
            for radio in radios:
                radio.step(n, n * STEP_S)
            if n >= WARM and task.kind in watcher.look(n * STEP_S, [victim]):
                minutes.append((n - WARM + 1) * STEP_S / 60)
                break
    minutes.sort()
    return {
        "name": task.name,
        "kind": str(task.kind),
        "n": task.count,
        "seen": len(minutes) / task.count,
        "median_min": statistics.median(minutes) if minutes else None,
        "p95_min": minutes[int(0.95 * len(minutes))] if minutes else None,
    }


# -- the report -------------------------------------------------------------------------------------------


def report(radios: int, days: float, cases: int, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    quiets = [Quiet(seed=s, shared=h, radios=radios, days=days) for s in seeds for h in (0.0, 0.5)]
    stories = [
        Story(name=name, kind=kind, trouble=trouble, count=cases, seed=1) for name, kind, trouble in TROUBLES
    ]
    with multiprocessing.Pool(2) as pool:
        told = pool.map_async(story, stories, chunksize=1)
        weeks = pool.map(quiet, quiets, chunksize=1)
        seen = told.get()
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "radios": radios,
        "days": days,
        "quiet": [{"seed": q.seed, "shared": q.shared, **w} for q, w in zip(quiets, weeks, strict=True)],
        "trouble": seen,
    }


def text(result: dict[str, Any]) -> str:
    """The report as Markdown tables."""
    lines = [f"{result['machine']}; {result['radios']} radios, {result['days']:g} quiet days", ""]
    lines += [
        "| seed | shared noise | events per AP and day | by kind | us per radio, median, p99 |",
        "|---" * 5 + "|",
    ]
    for row in result["quiet"]:
        events = sum(row["events"].values()) / row["ap_days"]
        kinds = ", ".join(f"{kind} {count}" for kind, count in row["events"].items()) or "none"
        us = row["us"]
        cells = f"{events:.4f} | {kinds} | {us['median']:.0f}, {us['p99']:.0f}"
        lines.append(f"| {row['seed']} | {row['shared']:g} | {cells} |")
    lines += ["", "| trouble | event | n | seen within 20 min | after, median, p95 |", "|---" * 5 + "|"]
    for row in result["trouble"]:
        when = "" if row["median_min"] is None else f"{row['median_min']:.1f} min, {row['p95_min']:.1f} min"
        lines.append(f"| {row['name']} | {row['kind']} | {row['n']} | {100 * row['seen']:.1f} % | {when} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 radios, two days, 60 cases, two seeds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = report(20, 2.0, 60, SEEDS[:2]) if options.quick else report(100, 7.0, 200)
    print(json.dumps(result, indent=2) if options.json else text(result))


if __name__ == "__main__":
    main()
