"""The words of the control socket: one JSON line each way.

``{"op": "...", "args": {...}}`` is answered by ``{"ok": true, "result": {...}}`` or
``{"ok": false, "error": {"code": "...", "message": "..."}}``. Arguments are checked strictly, an unknown
one is refused. `RESULTS` says what each operation answers; a field may be added, none is taken away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.api import errors

MAX_REQUEST_BYTES: Final = 64 * 1024  # the line with its end

RADIO: Final = r"^[a-z0-9-]+/[a-z0-9-]+/[a-z0-9-]+$"
SCOPE: Final = r"^[a-z0-9-]+(/[a-z0-9-]+){0,2}$"

Name = str
Scalar = int | str | None


class Args(BaseModel):
    """Arguments of one operation."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class StatusArgs(Args):
    site: Name | None = None


class EventsArgs(Args):
    """``since_s``: raised or cleared within so many seconds."""

    site: Name | None = None
    since_s: float | None = Field(default=None, ge=0)
    limit: int = Field(default=100, ge=1, le=10_000)


class ChangesArgs(Args):
    """``open``: True only those that are not final, False only the final ones, None all."""

    site: Name | None = None
    radio: Name | None = None
    open: bool | None = None
    limit: int = Field(default=100, ge=1, le=10_000)


class ChangeArgs(Args):
    id: str = Field(min_length=1, max_length=64)


class RollbackArgs(Args):
    token: str = Field(min_length=1, max_length=256, repr=False)


class ApproveArgs(Args):
    id: str = Field(min_length=1, max_length=64)


class AcknowledgeArgs(Args):
    id: str = Field(min_length=1, max_length=64)


class PauseArgs(Args):
    """``scope``: a site, site/ap or site/ap/radio. ``for_s`` None: until it is resumed."""

    scope: str = Field(pattern=SCOPE)
    for_s: float | None = Field(default=None, gt=0, le=31_536_000)


class ResumeArgs(Args):
    scope: str = Field(pattern=SCOPE)


class ReleaseArgs(Args):
    """``radio``: the whole key, site/ap/radio."""

    radio: str = Field(pattern=RADIO)


class InjectArgs(Args):
    """``act`` False: decide and explain, change nothing. ``radio``: the whole key, site/ap/radio."""

    kind: str = Field(pattern=r"^[A-Z][A-Z0-9_]{0,31}$")
    radio: str = Field(pattern=RADIO)
    channel: int | None = Field(default=None, ge=1, le=233)
    width_mhz: Literal[20, 40, 80, 160, 320] | None = None
    act: bool = False


class ProbeArgs(Args):
    """``ap``: site/ap. ``for_s``: asked again so much later, to count in between."""

    ap: str = Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")
    for_s: float = Field(default=0.0, ge=0, le=600)


ARGS: Mapping[str, type[Args]] = MappingProxyType(
    {
        "status": StatusArgs,
        "events": EventsArgs,
        "changes": ChangesArgs,
        "change": ChangeArgs,
        "rollback": RollbackArgs,
        "approve": ApproveArgs,
        "acknowledge": AcknowledgeArgs,
        "pause": PauseArgs,
        "resume": ResumeArgs,
        "release": ReleaseArgs,
        "inject": InjectArgs,
        "probe": ProbeArgs,
    }
)


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


class SiteView(Answer):
    id: str
    country: str
    mode: str
    aps: int
    radios: int
    lost: int
    open_changes: int


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


class StatusResult(Answer):
    """``events``: those open now, radar excepted, which ``nop`` tells of."""

    agent: AgentView
    sites: tuple[SiteView, ...]
    radios: tuple[RadioView, ...]
    nop: tuple[NopView, ...]
    events: tuple[EventView, ...] = ()
    pauses: tuple[PauseView, ...] = ()
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


class PauseResult(Answer):
    pause: PauseView


class ResumeResult(Answer):
    scope: str


class ReleaseResult(Answer):
    radio: str


class OneChangeResult(Answer):
    """What rollback, approve and acknowledge answer."""

    change: ChangeView


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
        "approve": OneChangeResult,
        "acknowledge": OneChangeResult,
        "pause": PauseResult,
        "resume": ResumeResult,
        "release": ReleaseResult,
        "inject": InjectResult,
        "probe": ProbeResult,
    }
)


class Request(BaseModel):
    """One line from a caller, before its arguments are looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    op: str = Field(max_length=64)
    args: dict[str, Any] = Field(default_factory=dict, repr=False)


class Malformed(errors.OperationError, ValueError):
    """The line is no request."""

    code = errors.MALFORMED


class UnknownOp(errors.OperationError, LookupError):
    """No such operation; perhaps this caller is newer than the daemon."""

    code = errors.UNKNOWN_OP


def parse_request(line: bytes) -> tuple[str, Args]:
    """The operation and its checked arguments. Raises Malformed, UnknownOp or BadArgs."""
    try:
        request = Request.model_validate_json(line)
    except ValidationError as error:
        raise Malformed(f'expected one line {{"op": "...", "args": {{...}}}}: {_said(error)}') from None
    if (model := ARGS.get(request.op)) is None:
        raise UnknownOp(f"no operation {request.op!r}; there are {', '.join(ARGS)}")
    try:
        return request.op, model.model_validate(request.args)
    except ValidationError as error:
        raise errors.BadArgs(f"{request.op}: {_said(error)}") from None


def _said(error: ValidationError) -> str:
    """Every mistake in one line; never the value, which may be a token."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(_mistake(item["loc"], item["msg"]) for item in found)


def _mistake(place: Iterable[int | str], message: str) -> str:
    where = ".".join(ascii(str(part)[:64])[1:-1] for part in place)
    return f"{where}: {message}" if where else message


def render_request(op: str, args: Mapping[str, Any]) -> bytes:
    """Raises ValueError for a value that JSON has no word for."""
    return _line({"op": op, "args": dict(args)})


def render_result(result: Mapping[str, Any]) -> bytes:
    """Raises TypeError or ValueError for a value that JSON has no word for (NaN is one)."""
    return _line({"ok": True, "result": dict(result)})


def render_error(code: str, message: str) -> bytes:
    return _line({"ok": False, "error": {"code": code, "message": message}})


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode() + b"\n"
