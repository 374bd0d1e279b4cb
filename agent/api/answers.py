"""What the operations of the control socket answer. A field may be added, none is taken away."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Part of an answer. More fields than named here are allowed; times are ``utc``, ISO 8601 with Z."""

    model_config = ConfigDict(frozen=True, extra="allow")


class AgentView(Answer):
    """``observing_only``: why nothing is written at present; None: writing is allowed."""

    version: str
    started_utc: str
    audit_seq: int | None
    audit_file: str | None
    store: str
    observing_only: str | None


class WindowView(Answer):
    """``kind``: maintenance or change_hours; ``window``: as the site file has it. ``until_utc`` None: it has
    no end in the next two weeks."""

    kind: str
    window: str
    until_utc: str | None


class SiteView(Answer):
    """``windows``: hours of the site's policy that are in force now."""

    id: str
    country: str
    mode: str
    aps: int
    radios: int
    lost: int
    open_changes: int
    windows: tuple[WindowView, ...] = ()


class RadioView(Answer):
    """None: not reported. ``slots``: valid monitoring slots at hand; a baseline takes ten."""

    key: str
    state: str | None
    channel: int | None
    width_mhz: int | None
    tx_power_dbm: float | None
    clients: int | None
    retry_ratio: float | None
    busy_ratio: float | None
    slots: int | None = None
    age_s: float | None
    change_id: str | None


class NopView(Answer):
    """``channel``: the 20 MHz channel at ``mhz``; ``by_radio``: who heard the radar."""

    site: str
    mhz: int
    channel: int | None
    left_s: float
    by_radio: str | None


class AlertView(Answer):
    utc: str
    site: str
    radio: str | None
    text: str
    change_id: str | None


class EventView(Answer):
    id: str
    utc: str
    site: str
    kind: str
    key: str
    radio: str | None
    severity: str | int
    confidence_ppm: int
    cleared_utc: str | None
    drill: bool
    evidence: Any


class EventsResult(Answer):
    events: tuple[EventView, ...]


class PauseView(Answer):
    """``until_utc`` None: until it is resumed."""

    scope: str
    since_utc: str
    until_utc: str | None
    actor: str


class UndoView(Answer):
    """``changes``: what is taken back, newest first; ``to``: setting -> value. ``state``: would_undo,
    going_back, waits, begun, refused, nothing_to_do, left_alone. ``undo``: the change that does it."""

    radio: str
    changes: tuple[str, ...]
    to: Mapping[str, int]
    state: str
    why: str
    undo: str | None


class CampaignView(Answer):
    """A plan that is being carried out. ``step``: the last one begun; ``steps``: with those that are left,
    as last looked at. ``counts``: moves by what became of them. ``waits_for``: empty: for nothing."""

    id: str
    site: str
    utc: str
    actor: str
    step: int
    steps: int
    moves: int
    counts: Mapping[str, int]
    stopped: str
    waits_for: str


class StatusResult(Answer):
    """``events``: those open now, radar excepted, which ``nop`` tells of."""

    agent: AgentView
    sites: tuple[SiteView, ...]
    radios: tuple[RadioView, ...]
    nop: tuple[NopView, ...]
    events: tuple[EventView, ...] = ()
    pauses: tuple[PauseView, ...] = ()
    undo: tuple[UndoView, ...] = ()
    plans: tuple[CampaignView, ...] = ()
    alerts: tuple[AlertView, ...]


class ChangeView(Answer):
    """``from`` and ``to``: setting -> value. ``token``: only while it can still be used."""

    id: str
    utc: str
    site: str
    radios: tuple[str, ...]
    from_: Mapping[str, int] = Field(alias="from")
    to: Mapping[str, int]
    cause: str
    state: str
    verdict: str | None
    left_s: float | None
    drill: bool
    actor: Any
    token: str | None = Field(repr=False)
    undo_of: str | None


class ChangesResult(Answer):
    changes: tuple[ChangeView, ...]


class ChangeResult(ChangeView):
    """One change with all that explains it."""

    reason: Mapping[str, Any] | None = None
    baseline: Mapping[str, Any] | None = None
    effect: Mapping[str, Any] | None = None
    records: tuple[Mapping[str, Any], ...] = ()


class UndoResult(Answer):
    radios: tuple[UndoView, ...]


class SiteBudgetView(Answer):
    """Routine changes in 7 days and APs with a change in flight, and the most of each."""

    id: str
    mode: str
    week: int
    week_most: int
    in_flight: int
    in_flight_most: int


class RadioBudgetView(Answer):
    """``routine_wait_s``: until its AP may have a routine change again. ``incidents_today``: kind -> changes
    in 24 h, ``incident_most`` the most of each. ``against``: what objects to a routine change now."""

    radio: str
    routine_wait_s: float
    incidents_today: Mapping[str, int]
    incident_most: int
    against: tuple[str, ...]


class BudgetResult(Answer):
    sites: tuple[SiteBudgetView, ...]
    radios: tuple[RadioBudgetView, ...]


class SnapshotResult(Answer):
    """A site as a plan sees it, in the words of docs/planning.md."""

    version: int
    made_utc: str
    site: Mapping[str, Any]
    policy: Mapping[str, Any]
    aps: Mapping[str, Any]


class PlanResult(Answer):
    """``plan``: in the words of docs/planning.md; None: none was asked for. ``campaign``: that was begun, or
    is being stopped; None: there is none."""

    plan: Mapping[str, Any] | None
    campaign: CampaignView | None


class OpenView(Answer):
    """A change that is not final. ``goes_on``: it may have been sent, so it goes on to its end in a pause;
    False: it is not begun."""

    id: str
    radio: str
    state: str
    goes_on: bool


class PauseResult(Answer):
    """``open``: the changes of the scope that are not final. ``except_for``: what is done all the same.
    ``before``: the pause that the scope had; ``kept``: it ends later, so ``pause`` is that one."""

    pause: PauseView
    before: PauseView | None = None
    kept: bool = False
    open: tuple[OpenView, ...] = ()
    except_for: str = ""


class ResumeResult(Answer):
    """``still``: the pauses that hold the scope all the same, or a part of it."""

    scope: str
    still: tuple[PauseView, ...] = ()


class ReleaseResult(Answer):
    radio: str


class OneChangeResult(Answer):
    """What rollback, last, approve, reject and acknowledge answer."""

    change: ChangeView


class ApprovalView(Answer):
    """``refused``: what spoke against it; None: it goes ahead."""

    change: ChangeView
    refused: str | None


class ApprovalsResult(Answer):
    results: tuple[ApprovalView, ...]


class EffectsView(Answer):
    commands: tuple[str, ...]
    outage: str
    silent_s: float
    readback: str
    persists: bool


class CandidateView(Answer):
    channel: int
    width_mhz: int
    score_ppm: int
    terms: Mapping[str, Any]


class VetoView(Answer):
    guard: str
    reason: str


class DecisionView(Answer):
    """``edit``: setting -> value, or None where nothing would be changed."""

    action: str
    reason: Any
    params: Mapping[str, Any]
    edit: Mapping[str, Any] | None
    effects: EffectsView | None
    candidates: tuple[CandidateView, ...]
    vetoes: tuple[VetoView, ...]


class InjectResult(Answer):
    """``begun``: it was acted upon, also where no change was needed yet (radar: the AP moves first).
    ``answers``: all that would be done, in order; ``decision``: the one that counts."""

    begun: bool = False
    event: Mapping[str, Any]
    decision: DecisionView
    answers: tuple[DecisionView, ...] = ()
    change: ChangeView | None


class CallView(Answer):
    call: str
    ms: float


class ProbeResult(Answer):
    device: Mapping[str, Any] | None
    reachable: bool = True
    notes: tuple[str, ...] = ()
    found: tuple[Mapping[str, Any], ...] = ()
    radios: tuple[Mapping[str, Any], ...]
    calls: tuple[CallView, ...]
    errors: tuple[str, ...]


RESULTS: Mapping[str, type[Answer]] = MappingProxyType(
    {
        "status": StatusResult,
        "events": EventsResult,
        "changes": ChangesResult,
        "change": ChangeResult,
        "rollback": OneChangeResult,
        "last": OneChangeResult,
        "approve": OneChangeResult,
        "approve_all": ApprovalsResult,
        "reject": OneChangeResult,
        "acknowledge": OneChangeResult,
        "undo": UndoResult,
        "budget": BudgetResult,
        "snapshot": SnapshotResult,
        "plan": PlanResult,
        "pause": PauseResult,
        "resume": ResumeResult,
        "release": ReleaseResult,
        "inject": InjectResult,
        "probe": ProbeResult,
    }
)
