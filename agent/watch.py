"""What the monitor needs of the radios around a change, frozen before the write. Lost with the process:
after a restart the change is judged by its stored baseline alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain, islice

from agent.baseline import Baseline, baseline_of, in_trouble
from agent.change import Change
from agent.comparison import RadioSeries
from agent.departures import ClientCensus
from agent.judgement import Judgement
from agent.memory import Memory
from agent.metric import Metric
from agent.monitor import IncidentBefore, judge, new_critical
from agent.radio_memory import RadioMemory
from agent.slots import Slot
from agent.view import SiteView, block_in_values
from inventory.channels import overlap_ratio
from inventory.model import RadioKey, Site, ap_of

Pair = tuple[RadioKey, Baseline]

Homes = Mapping[str, Set[RadioKey]]
"""MAC -> radios that list it as a client."""

MOST_CONTROLS = 20
"""More of them say nothing new, and each costs time at every look."""

MOST_ASKED = 3 * MOST_CONTROLS
"""Radios with a history that are asked for a baseline: each costs a third of a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Controls (unchanged, no neighbours, same band) and co-channel neighbours, with their baselines, and
    who was associated. ``at_s``: when it was frozen, monotonic seconds. ``changes``: ids of all changes
    known by then; any other one is newer, whatever the wall clock says."""

    at_s: float
    controls: tuple[Pair, ...] = ()
    neighbours: tuple[Pair, ...] = ()
    clients: frozenset[str] = frozenset()
    control_clients: frozenset[str] = frozenset()
    critical: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()


def refresh_s(memory: RadioMemory) -> float:
    """The slowest of the device's own refresh intervals, seconds; 0 when it declares none."""
    able = memory.capabilities
    return max(able.refresh_s.values(), default=0.0) if able else 0.0


def freeze_baseline(
    memory: Memory, view: SiteView, key: RadioKey, *, trouble: bool = False
) -> Baseline | None:
    """The radio's baseline up to now; None when there are too few valid slots. ``trouble``: a change is to be
    made because of what the radio suffers right now."""
    policy, known, now_s = view.site.policy.monitor, memory.radios[key], view.now.monotonic_s
    slots = known.history.slots(policy, until_s=now_s, refresh_s=refresh_s(known))
    calm = baseline_of(slots, policy, before_s=now_s)
    return in_trouble(calm, slots, before_s=now_s) if calm is not None and trouble else calm


def look_around(memory: Memory, view: SiteView, change: Change) -> Around:
    """Freeze controls, neighbours and clients just before the write."""
    key = change.radios[0]
    near = view.neighbours(key)
    busy = {k for c in view.changes if not c.final for k in c.radios}
    band = view.radios[key].radio.band
    far = [
        k
        for k, v in view.radios.items()
        if k not in near
        and k not in busy
        and ap_of(k) != ap_of(key)
        and v.radio.band is band
        and memory.radios[k].history.last is not None
    ]
    controls = tuple(islice(_baselines(memory, view, far[:MOST_ASKED]), MOST_CONTROLS))
    return Around(
        at_s=view.now.monotonic_s,
        controls=controls,
        neighbours=tuple(_baselines(memory, view, [k for k in near - busy if _co_channel(view, change, k)])),
        clients=_clients(memory, [key]),
        control_clients=_clients(memory, [k for k, _ in controls]),
        critical=frozenset(known for _, known in memory.critical(key)),
        changes=frozenset(memory.changes),
    )


def _co_channel(view: SiteView, change: Change, key: RadioKey) -> bool:
    """A radio that shares air with the changed one at its target."""
    target = block_in_values(view.radios[change.radios[0]].radio, change.target)
    target = target or view.radios[change.radios[0]].block
    other = view.radios[key].block
    return bool(target and other and overlap_ratio(target, other) > 0)


def _baselines(memory: Memory, view: SiteView, keys: Iterable[RadioKey]) -> Iterator[Pair]:
    found = ((key, freeze_baseline(memory, view, key)) for key in keys)
    return ((key, baseline) for key, baseline in found if baseline is not None)


def _clients(memory: Memory, keys: Iterable[RadioKey]) -> frozenset[str]:
    return frozenset().union(*(memory.radios[key].macs for key in keys))


def incident_of(change: Change) -> IncidentBefore | None:
    """What the change was to relieve, from its stored reason; None: nothing measured, or a drill."""
    told = change.reason.get("incident")
    if not told or change.drill:
        return None
    return IncidentBefore(metric=Metric(told["metric"]), before=told["before_ppm"] / 1e6)


class Watch:
    """One change being monitored: asks the pure judge with what the memory holds.

    ``acked_s``: monotonic seconds of the ack, in the past of this process's clock after a restart.
    """

    def __init__(
        self, memory: Memory, view: SiteView, change: Change, around: Around | None, acked_s: float
    ) -> None:
        self._memory = memory
        self._policy = view.site.policy.monitor
        self._id = view.site.id
        self._key = change.radios[0]
        self._around = around
        self._acked_s = acked_s
        self._census: ClientCensus | None = None
        self._baseline = Baseline.from_json(change.baseline) if change.baseline else None
        self._incident = incident_of(change)

    def look(self, now_s: float) -> Judgement:
        """The judgement of this instant."""
        self._take_census(now_s)
        known = self._memory.radios[self._key]
        around = self._around or Around(at_s=now_s)
        controls, neighbours = self._unchanged(around.controls), self._unchanged(around.neighbours)
        homes = self._homes([self._key, *(key for key, _ in (*controls, *neighbours))])
        return judge(
            baseline=self._baseline,
            after=self._slots(self._key, homes),
            controls=self._series(controls, homes),
            neighbours=self._series(neighbours, homes),
            census=self._census,
            critical_event=self._new_critical(),
            incident=self._incident,
            ack_s=self._acked_s,
            now_s=now_s,
            policy=self._policy,
            refresh_s=refresh_s(known),
        )

    def _new_critical(self) -> str | None:
        if self._around is None:
            return None
        return new_critical(self._memory.critical(self._key), self._around.critical)

    @property
    def _site(self) -> Site:
        """As it is served now: APs may have come and gone since the change was made."""
        return self._memory.sites[self._id]

    @property
    def _since_s(self) -> float:
        return self._acked_s + self._policy.settle_s

    def _slots(self, key: RadioKey, homes: Homes) -> Sequence[Slot]:
        known = self._memory.radios[key]
        elsewhere = frozenset(mac for mac, on in homes.items() if on - {key})
        return known.history.slots(
            self._policy, since_s=self._since_s, refresh_s=refresh_s(known), elsewhere=elsewhere
        )

    def _series(self, pairs: Sequence[Pair], homes: Homes) -> tuple[RadioSeries, ...]:
        return tuple(
            RadioSeries(
                key=key,
                baseline=baseline,
                after=self._slots(key, homes),
                refresh_s=refresh_s(self._memory.radios[key]),
            )
            for key, baseline in pairs
        )

    def _unchanged(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """Those that are served still, without a change, open or over, since the baselines were frozen."""
        known = self._around.changes if self._around else frozenset()
        changes = self._memory.changes.values()
        changed = {k for c in changes if not c.final or c.id not in known for k in c.radios}
        there = self._memory.radios.keys() - changed
        return [(key, baseline) for key, baseline in pairs if key in there]

    def _homes(self, keys: Iterable[RadioKey]) -> Homes:
        """Where the clients that left one of these radios are now: who is on another one has roamed."""
        histories = [self._memory.radios[key].history.observations for key in keys]
        gone = frozenset[str]().union(
            *(seen.gone or () for seen in chain(*histories) if seen.start_s >= self._since_s)
        )
        homes: dict[str, set[RadioKey]] = {}
        for key in self._site.radios if gone else ():
            for mac in self._memory.radios[key].macs & gone:
                homes.setdefault(mac, set()).add(key)
        return homes

    def _take_census(self, now_s: float) -> None:
        """Once, when the client table of every radio that answers has been read later than the limit."""
        if self._around is None or self._census is not None:
            return
        due_s = self._acked_s + self._policy.lost_client_after_s
        stale_s = now_s - self._site.policy.stale_s
        radios = [self._memory.radios[key] for key in self._site.radios]
        read_s = [radio.clients_at_s for radio in radios if radio.reading is not None]
        if now_s >= due_s and all(at_s is None or at_s >= due_s or at_s < stale_s for at_s in read_s):
            self._census = ClientCensus(
                at_s=now_s,
                before=self._around.clients,
                site=_clients(self._memory, self._site.radios),
                controls_before=self._around.control_clients,
            )
