"""What the monitor needs of the radios around a change, frozen before the write. Lost with the process:
after a restart the change is judged by its stored baseline alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.baseline import Baseline, baseline_of
from agent.change import Change
from agent.comparison import RadioSeries
from agent.departures import ClientCensus
from agent.judgement import Judgement
from agent.memory import Memory, RadioMemory
from agent.metric import Metric
from agent.monitor import IncidentBefore, judge, new_critical
from agent.slots import Slot
from agent.view import SiteView, block_in_values
from inventory.channels import overlap_ratio
from inventory.model import RadioKey, ap_of

MOST_CONTROLS = 20
"""More of them say nothing new, and each costs time at every look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Controls (unchanged, no neighbours, same band) and co-channel neighbours, with their baselines, and
    who was associated. ``at_s``: when it was frozen, monotonic seconds."""

    at_s: float
    controls: tuple[tuple[RadioKey, Baseline], ...] = ()
    neighbours: tuple[tuple[RadioKey, Baseline], ...] = ()
    clients: frozenset[str] = frozenset()
    control_clients: frozenset[str] = frozenset()
    critical: frozenset[str] = frozenset()


def refresh_s(memory: RadioMemory) -> float:
    """The slowest of the device's own refresh intervals, seconds; 0 when it declares none."""
    able = memory.capabilities
    return max(able.refresh_s.values(), default=0.0) if able else 0.0


def freeze_baseline(memory: Memory, view: SiteView, key: RadioKey) -> Baseline | None:
    """The radio's baseline up to now; None when there are too few valid slots."""
    policy, known = view.site.policy.monitor, memory.radios[key]
    slots = known.history.slots(policy, until_s=view.now.monotonic_s, refresh_s=refresh_s(known))
    return baseline_of(slots, policy, before_s=view.now.monotonic_s)


def look_around(memory: Memory, view: SiteView, change: Change) -> Around:
    """Freeze controls, neighbours and clients just before the write."""
    key = change.radios[0]
    near = view.neighbours(key)
    busy = {k for c in view.changes if not c.final for k in c.radios}
    band = view.radios[key].radio.band
    far = [
        k
        for k, v in view.radios.items()
        if k not in near and k not in busy and ap_of(k) != ap_of(key) and v.radio.band is band
    ]
    controls = _baselines(memory, view, far[:MOST_CONTROLS])
    return Around(
        at_s=view.now.monotonic_s,
        controls=controls,
        neighbours=_baselines(memory, view, [k for k in near - busy if _co_channel(view, change, k)]),
        clients=_clients(memory, [key]),
        control_clients=_clients(memory, [k for k, _ in controls]),
        critical=frozenset(known for _, known in memory.critical(key)),
    )


def _co_channel(view: SiteView, change: Change, key: RadioKey) -> bool:
    """A radio that shares air with the changed one at its target."""
    target = block_in_values(view.radios[change.radios[0]].radio, change.target)
    target = target or view.radios[change.radios[0]].block
    other = view.radios[key].block
    return bool(target and other and overlap_ratio(target, other) > 0)


def _baselines(
    memory: Memory, view: SiteView, keys: Sequence[RadioKey]
) -> tuple[tuple[RadioKey, Baseline], ...]:
    found = ((key, freeze_baseline(memory, view, key)) for key in keys)
    return tuple((key, baseline) for key, baseline in found if baseline is not None)


def _clients(memory: Memory, keys: Sequence[RadioKey]) -> frozenset[str]:
    return frozenset(
        client.mac
        for key in keys
        if (reading := memory.radios[key].reading) is not None
        for client in reading.clients or ()
    )


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
        self._site = view.site
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
        return judge(
            baseline=self._baseline,
            after=self._slots(self._key),
            controls=self._series(self._around.controls if self._around else ()),
            neighbours=self._series(self._around.neighbours if self._around else ()),
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

    def _slots(self, key: RadioKey) -> Sequence[Slot]:
        known = self._memory.radios[key]
        since_s = self._acked_s + self._policy.settle_s
        return known.history.slots(
            self._policy, since_s=since_s, refresh_s=refresh_s(known), elsewhere=self._elsewhere(key)
        )

    def _series(self, pairs: Sequence[tuple[RadioKey, Baseline]]) -> tuple[RadioSeries, ...]:
        changed = {k for c in self._memory.changes.values() if not c.final for k in c.radios}
        return tuple(
            RadioSeries(
                key=key,
                baseline=baseline,
                after=self._slots(key),
                refresh_s=refresh_s(self._memory.radios[key]),
            )
            for key, baseline in pairs
            if key not in changed
        )

    def _everyone(self) -> frozenset[str]:
        return _clients(self._memory, list(self._site.radios))

    def _elsewhere(self, key: RadioKey) -> frozenset[str]:
        """Clients on other radios of the site: who left for one of them roamed."""
        return _clients(self._memory, [other for other in self._site.radios if other != key])

    def _take_census(self, now_s: float) -> None:
        """Once, when every radio of the site that answers has been read later than the limit."""
        if self._around is None or self._census is not None:
            return
        due_s = self._acked_s + self._policy.lost_client_after_s
        stale_s = now_s - self._site.policy.stale_s
        readings = [self._memory.radios[key].reading for key in self._site.radios]
        if now_s >= due_s and all(r is None or r.at_s >= due_s or r.at_s < stale_s for r in readings):
            self._census = ClientCensus(
                at_s=now_s,
                before=self._around.clients,
                site=self._everyone(),
                controls_before=self._around.control_clients,
            )
