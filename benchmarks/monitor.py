"""How often the monitor takes back a harmless change, and how often one that triples the retries.

Both kinds are simulated with AR(1) log-ratios (rho 0.6, sigma 0.35 per minute), binomial sampling of frames,
a daily load swing of x5, clients that come and go, tables that refresh late, and controls that share a
site-wide part of the noise or none. Our rule and the plain thresholds see the same sites.

Run from the repository: ``python -m benchmarks.monitor [--quick] [--json]``.
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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.baseline import Baseline, baseline_of
from agent.comparison import RadioSeries
from agent.departures import ClientCensus
from agent.judgement import Judgement, Verdict
from agent.monitor import judge
from agent.slots import Slot
from inventory.model import MonitorPolicy, RadioKey

POLICY = MonitorPolicy()
RULES = {"rule": POLICY, "first": replace(POLICY, retry_floor=0.03, more_slots_above=8)}
"""The policy's own numbers, and those that the rule was first written with: no margin on either side."""
PLAIN = ("retry", "per", "disconnects", "throughput")
LEVELS = (0.02, 0.05, 0.10, 0.20)  # median retry share of the changed radio
SEEDS = (1, 2, 3, 4, 5)
OLDEST = -200  # minutes; no baseline reaches further back
ACK_MINUTE = -1  # the minute of the write, the ack and the settling; minute 0 is watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the simulated world is like. ``shared``: parts of the noise variance that the whole site shares,
    taken in turn. ``site_factor``: retries of the whole site times this from the ack on: nobody's fault.
    ``innovation``: sigma is that of each step, so that the process itself has 0.44."""

    name: str
    rho: float = 0.6
    sigma: float = 0.35
    innovation: bool = False
    shared: tuple[float, ...] = (0.0, 0.5)
    controls: int = 5
    neighbours: int = 2
    site_factor: float = 1.0

    @property
    def stationary(self) -> float:
        return self.sigma / math.sqrt(1 - self.rho**2) if self.innovation else self.sigma


SETUPS = (
    Setup(name="as specified: 5 controls, 2 co-channel neighbours"),
    Setup(name="without neighbours", neighbours=0),
    Setup(name="without controls and neighbours", controls=0, neighbours=0),
    Setup(name="sigma 0.35 per step (0.44 of the process)", innovation=True),
    Setup(name="whole site x1.8 from the ack on", site_factor=1.8),
    Setup(name="whole site x1.8, no controls", site_factor=1.8, controls=0),
)


# The simulated site.


@dataclass(slots=True)
class Walk:
    """AR(1): deviation ``sigma``, correlation ``rho`` from one minute to the next."""

    rng: random.Random
    rho: float
    sigma: float
    value: float = 0.0

    def __post_init__(self) -> None:
        self.value = self.rng.gauss(0, self.sigma)
        self.sigma *= math.sqrt(1 - self.rho**2)

    def step(self) -> float:
        self.value = self.rho * self.value + self.rng.gauss(0, self.sigma)
        return self.value


def draw(rng: random.Random, n: int, p: float) -> int:
    """A binomial sample: Poisson where the event is rare, else normal, which is close enough there."""
    mean = n * p
    if mean >= 16:
        return min(n, max(0, round(rng.gauss(mean, math.sqrt(mean * (1 - p))))))
    count, product, end = 0, rng.random(), math.exp(-mean)
    while product > end:
        product *= rng.random()
        count += 1
    return min(n, count)


class Air:
    """What all radios of a site share: a part of their noise, the time of day, what befalls all of it."""

    def __init__(self, rng: random.Random, setup: Setup, shared: float) -> None:
        self.setup = setup
        self.shared, self.alone = math.sqrt(shared), math.sqrt(1 - shared)
        self._walks = [Walk(rng, setup.rho, setup.stationary) for _ in range(3)] if shared else []
        self._noise: list[tuple[float, ...]] = []
        self._phase = rng.random()

    def noise(self, minute: int) -> tuple[float, ...]:
        """Shared log-noise of retries, PER and rate, times the root of its share."""
        if not self._walks:
            return (0.0, 0.0, 0.0)
        while len(self._noise) <= minute - OLDEST:
            self._noise.append(tuple(self.shared * walk.step() for walk in self._walks))
        return self._noise[minute - OLDEST]

    def load(self, minute: int) -> float:
        """Five times as much in the busiest minute of the day as in the quietest."""
        return float(5 ** (0.5 * math.sin(2 * math.pi * (self._phase + minute / 1440))))


@dataclass(slots=True)
class Totals:
    """What a device's tables have added up since their last refresh."""

    frames: int = 0
    retries: int = 0
    failed: int = 0
    air_ms: float = 0.0
    gone: int = 0

    def slot(self, start: int, end: int, clients: int) -> Slot:
        settled_s = POLICY.settle_s
        tries = self.frames + self.retries
        return Slot(
            start_s=settled_s + 60.0 * start,
            end_s=settled_s + 60.0 * end,
            valid=self.frames >= POLICY.min_frames,
            frames=self.frames,
            retry_ratio=self.retries / tries if tries else None,
            per=self.failed / self.frames if self.frames else None,
            bytes_per_airtime=self.frames * 900 / self.air_ms if self.air_ms else None,
            disconnects_per_minute=self.gone / (end - start),
            clients=clients,
        )


class SimRadio:
    """One radio: its true retry share, its clients, and the slots that come out when its tables refresh.

    ``refresh``: minutes; a refresh in twenty is late by another interval. ``factor``: retries times this
    from the ack on.
    """

    def __init__(self, rng: random.Random, air: Air, level: float, factor: float = 1.0) -> None:
        self.rng, self.air, self.level, self.factor = rng, air, level, factor
        self.refresh = rng.choice((1, 1, 1, 1, 2, 3))
        self.size = self.clients = rng.randint(8, 40)
        self.walks = [Walk(rng, air.setup.rho, air.setup.stationary) for _ in range(4)]
        lengths = [self._length() for _ in range(rng.randint(12, 24))]
        self.minute = ACK_MINUTE - sum(lengths)
        before = [self._slot(length) for length in lengths]
        self.baseline: Baseline | None = baseline_of(before, POLICY, before_s=before[-1].end_s)
        self.last = before[-5:]
        self.clients_before = self.clients
        self._live(Totals())
        self.lost = 0  # of the clients before, off the site two minutes later
        self.after: list[Slot] = []

    def until(self, end_s: float) -> list[Slot]:
        """The slots since the settling, at least until then."""
        while not self.after or self.after[-1].end_s < end_s:
            self.after.append(self._slot(self._length()))
        return self.after

    def watch(self, slots: int) -> list[Slot]:
        """So many slots since the settling."""
        while len(self.after) < slots:
            self.after.append(self._slot(self._length()))
        return self.after[:slots]

    def _length(self) -> int:
        return self.refresh * (2 if self.rng.random() < 0.05 else 1)

    def _slot(self, minutes: int) -> Slot:
        start, totals = self.minute, Totals()
        for _ in range(minutes):
            self._live(totals)
        return totals.slot(start, self.minute, self.clients)

    def _live(self, totals: Totals) -> None:
        """One minute: frames are sent, some repeated, some given up; clients come and go."""
        air, alone = self.air, self.air.alone
        site, own = air.noise(self.minute), [walk.step() for walk in self.walks]
        factor = self.factor * air.setup.site_factor if self.minute >= ACK_MINUTE else 1.0
        p = min(0.9, factor * min(0.9, self.level * math.exp(site[0] + alone * own[0])))
        per = min(0.9, self.level / 10 * math.exp(site[1] + alone * own[1]))
        rate = 6000 * math.exp(site[2] + alone * own[2])  # bytes per ms of air, without repeats
        frames = round(100 * self.clients * air.load(self.minute) * math.exp(own[3]))
        totals.frames += frames
        totals.retries += draw(self.rng, round(frames / (1 - p)), p)
        totals.failed += draw(self.rng, frames, per)
        totals.air_ms += frames * 900 / rate / (1 - p)
        totals.gone += self._move()
        self.minute += 1

    def _move(self) -> int:
        """How many left the site in this minute; as many again roamed away, and newcomers replace them."""
        went = draw(self.rng, self.clients, 0.03)
        left = draw(self.rng, went, 0.5)
        self.clients += draw(self.rng, 100, 0.03 * self.size / 100) - went
        if ACK_MINUTE < self.minute <= 1:
            self.lost = min(self.clients_before, self.lost + left)
        return left


# One change, judged twice.


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``minutes``: from the end of the settling to the verdict. ``judge_us``: what each look cost."""

    verdict: Verdict
    code: str
    minutes: float
    judge_us: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    level: float
    ours: dict[str, Answer]  # by rule
    plain: tuple[str, ...]  # which of the plain thresholds were crossed


def one(rng: random.Random, setup: Setup, level: float, shared: float, factor: float) -> Outcome:
    """One change at one simulated site, judged by each rule."""
    air = Air(rng, setup, shared)
    radio = SimRadio(rng, air, level, factor)
    controls = [SimRadio(rng, air, rng.choice(LEVELS)) for _ in range(setup.controls)]
    neighbours = [SimRadio(rng, air, rng.choice(LEVELS)) for _ in range(setup.neighbours)]
    ours = {name: ask(radio, controls, neighbours, policy) for name, policy in RULES.items()}
    return Outcome(level=level, ours=ours, plain=plain(radio))


def ask(
    radio: SimRadio, controls: Sequence[SimRadio], neighbours: Sequence[SimRadio], policy: MonitorPolicy
) -> Answer:
    """The verdict, asked for at every slot from the fifth to the fifteenth."""
    costs: list[float] = []
    for slots in range(policy.slots, policy.max_slots + 1):
        judgement, used_us = look(radio, controls, neighbours, slots, policy)
        costs.append(used_us)
        if judgement.final:
            break
    minutes = (radio.watch(slots)[-1].end_s - policy.settle_s) / 60
    return Answer(verdict=judgement.verdict, code=judgement.code, minutes=minutes, judge_us=tuple(costs))


def look(
    radio: SimRadio,
    controls: Sequence[SimRadio],
    neighbours: Sequence[SimRadio],
    slots: int,
    policy: MonitorPolicy,
) -> tuple[Judgement, float]:
    """What is said after so many slots, and what saying it cost in microseconds of processor time.

    At the last look, slow neighbours have had their time too.
    """
    after = radio.watch(slots)
    now_s = after[-1].end_s + (900.0 if slots == policy.max_slots else 0.0)
    arguments: dict[str, Any] = {
        "baseline": radio.baseline,
        "after": after,
        "controls": series(controls, after[-1].end_s),
        "neighbours": series(neighbours, now_s),
        "census": census(radio, controls),
        "ack_s": 0.0,
        "now_s": now_s,
        "policy": policy,
        "refresh_s": 60.0 * radio.refresh,
    }
    begun = time.thread_time_ns()
    judgement = judge(**arguments)
    return judgement, (time.thread_time_ns() - begun) / 1e3


def series(radios: Sequence[SimRadio], end_s: float) -> list[RadioSeries]:
    return [
        RadioSeries(
            key=RadioKey(f"site/ap{at}/r0"),
            baseline=radio.baseline,
            after=radio.until(end_s),
            refresh_s=60.0 * radio.refresh,
        )
        for at, radio in enumerate(radios)
        if radio.baseline is not None
    ]


def census(radio: SimRadio, controls: Sequence[SimRadio]) -> ClientCensus:
    """Who is left after two minutes, as sets of made-up names."""
    before, site = names("r", radio.clients_before, radio.lost)
    control_before: set[str] = set()
    for at, control in enumerate(controls):
        all_of_it, rest = names(f"c{at}", control.clients_before, control.lost)
        control_before |= all_of_it
        site |= rest
    return ClientCensus(
        at_s=125.0,
        before=frozenset(before),
        site=frozenset(site),
        controls_before=frozenset(control_before),
    )


def names(prefix: str, count: int, lost: int) -> tuple[set[str], set[str]]:
    every = [f"{prefix}-{at}" for at in range(count)]
    return set(every), set(every[lost:])


def plain(radio: SimRadio) -> tuple[str, ...]:
    """The plain thresholds: the slots of 300 s after the change against those of 300 s before it."""
    before = radio.last
    after = [slot for slot in radio.after if slot.end_s <= POLICY.settle_s + 300] or radio.after[:1]
    crossed = {
        "retry": mean(after, "retry_ratio") > 1.3 * mean(before, "retry_ratio"),
        "per": mean(after, "per") > 1.3 * mean(before, "per"),
        "disconnects": max(slot.disconnects_per_minute or 0.0 for slot in after) > 10,
        "throughput": rate(after) < 0.6 * rate(before),
    }
    return tuple(name for name, is_crossed in crossed.items() if is_crossed)


def mean(slots: Sequence[Slot], name: str) -> float:
    return statistics.fmean(getattr(slot, name) or 0.0 for slot in slots)


def rate(slots: Sequence[Slot]) -> float:
    return sum(slot.frames for slot in slots) / sum(slot.end_s - slot.start_s for slot in slots)


# Many changes.


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    setup: Setup
    seed: int
    count: int
    factor: float


def run(task: Task) -> list[Outcome]:
    rng = random.Random(f"{task.setup.name}/{task.seed}/{task.factor}")
    shared = task.setup.shared
    return [
        one(rng, task.setup, LEVELS[at % len(LEVELS)], shared[at // len(LEVELS) % len(shared)], task.factor)
        for at in range(task.count)
    ]


# The report.


def simulate(setups: Sequence[Setup], counts: Sequence[int]) -> dict[tuple[str, int, float], list[Outcome]]:
    """Outcomes by setup, seed and factor, on two processes."""
    tasks = [
        Task(setup=setup, seed=seed, count=count // len(SEEDS), factor=factor)
        for setup, count in zip(setups, counts, strict=True)
        for seed in SEEDS
        for factor in (1.0, 3.0)
    ]
    with multiprocessing.Pool(2) as pool:
        results = pool.map(run, tasks, chunksize=1)
    keys = [(task.setup.name, task.seed, task.factor) for task in tasks]
    return dict(zip(keys, results, strict=True))


def taken_back(outcomes: Sequence[Outcome], who: str) -> float:
    """Share of changes rolled back, by one of our rules or by plain thresholds ("plain", "plain retry")."""
    if who in RULES:
        return sum(each.ours[who].verdict is Verdict.WORSE for each in outcomes) / len(outcomes)
    only = set(PLAIN) if who == "plain" else {who.removeprefix("plain ")}
    return sum(bool(only & set(each.plain)) for each in outcomes) / len(outcomes)


def spread(by_seed: Sequence[Sequence[Outcome]], who: str) -> dict[str, float]:
    shares = [taken_back(outcomes, who) for outcomes in by_seed]
    return {"mean": statistics.fmean(shares), "low": min(shares), "high": max(shares)}


JUDGES = (*RULES, "plain", "plain retry")
KINDS = (("harmless", 1.0), ("tripled", 3.0))


def report(setups: Sequence[Setup], counts: Sequence[int]) -> dict[str, Any]:
    results = simulate(setups, counts)
    table = []
    for setup, count in zip(setups, counts, strict=True):
        row: dict[str, Any] = {"setup": setup.name, "changes_of_each_kind": count}
        for kind, factor in KINDS:
            by_seed = [results[setup.name, seed, factor] for seed in SEEDS]
            row[kind] = {who: spread(by_seed, who) for who in JUDGES}
        table.append(row)
    name = setups[0].name
    first = {kind: [o for s in SEEDS for o in results[name, s, factor]] for kind, factor in KINDS}
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "seeds": list(SEEDS),
        "table": table,
        "by_level": by_level(first),
        "reasons": {kind: reasons(outcomes) for kind, outcomes in first.items()},
        "minutes_to_verdict": {kind: minutes(outcomes) for kind, outcomes in first.items()},
        "judge_us": costs([outcome for outcomes in first.values() for outcome in outcomes]),
    }


def by_level(first: dict[str, list[Outcome]]) -> list[dict[str, Any]]:
    return [
        {
            "level": level,
            **{
                kind: {who: taken_back([o for o in some if o.level == level], who) for who in JUDGES}
                for kind, some in first.items()
            },
        }
        for level in LEVELS
    ]


def reasons(outcomes: Sequence[Outcome]) -> dict[str, float]:
    counts = Counter(str(each.ours["rule"].code) for each in outcomes)
    return {code: count / len(outcomes) for code, count in counts.most_common()}


def minutes(outcomes: Sequence[Outcome]) -> dict[str, float]:
    times = sorted(each.ours["rule"].minutes for each in outcomes)
    return {"median": statistics.median(times), "p95": times[int(0.95 * len(times))]}


def costs(outcomes: Sequence[Outcome]) -> dict[str, float]:
    used = sorted(us for each in outcomes for answer in each.ours.values() for us in answer.judge_us)
    return {"median": statistics.median(used), "p99": used[int(0.99 * len(used))], "calls": len(used)}


def text(result: dict[str, Any]) -> str:
    """The report as Markdown tables, percent of changes rolled back (least and most over the seeds)."""
    lines = [f"{result['machine']}; seeds {result['seeds']}; rolled back in % (low-high over seeds)", ""]
    heads = [f"{kind}: {who}" for kind, _ in KINDS for who in JUDGES]
    lines += ["| site | n of each | " + " | ".join(heads) + " |", "|---" * (len(heads) + 2) + "|"]
    for row in result["table"]:
        cells = [percent(**row[kind][who]) for kind, _ in KINDS for who in JUDGES]
        lines.append(f"| {row['setup']} | {row['changes_of_each_kind']} | " + " | ".join(cells) + " |")
    lines += ["", "| retry level, first row | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for row in result["by_level"]:
        cells = [f"{100 * row[kind][who]:.1f}" for kind, _ in KINDS for who in JUDGES]
        lines.append(f"| {100 * row['level']:.0f} % | " + " | ".join(cells) + " |")
    for kind, _ in KINDS:
        parts = ", ".join(f"{code} {100 * part:.2f} %" for code, part in result["reasons"][kind].items())
        took = result["minutes_to_verdict"][kind]
        lines += ["", f"{kind}: {parts}; verdict after {took['median']:.0f} min, p95 {took['p95']:.0f} min"]
    cost = result["judge_us"]
    lines += ["", f"judge(): median {cost['median']:.0f} us, p99 {cost['p99']:.0f} us, n {cost['calls']}"]
    return "\n".join(lines)


def percent(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer changes, of the first site only")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        result = report(SETUPS[:1], [500])
    else:
        result = report(SETUPS, [10_000, *[600 for _ in SETUPS[1:]]])
    print(json.dumps(result, indent=2) if options.json else text(result))


if __name__ == "__main__":
    main()
