"""The words of the control socket: one JSON line each way.

``{"op": "...", "args": {...}}`` is answered by ``{"ok": true, "result": {...}}`` or
``{"ok": false, "error": {"code": "...", "message": "..."}}``. Arguments are checked strictly, an unknown
one is refused. What each operation answers, `agent.api.answers` says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.api import errors
from agent.json_text import rendered
from agent.planner.site.plan import MOVES_MOST, SEED_MOST

MAX_REQUEST_BYTES: Final = 64 * 1024  # the line with its end
LONGEST_S: Final = 1e9  # thirty years: beyond what a count of microseconds holds there is no time to tell

RADIO: Final = r"^[a-z0-9-]+/[a-z0-9-]+/[a-z0-9-]+$"
AP: Final = r"^[a-z0-9-]+/[a-z0-9-]+$"
SCOPE: Final = r"^(\*|[a-z0-9-]+(/[a-z0-9-]+){0,2})$"

Name = str
Scalar = int | str | None


class Args(BaseModel):
    """Arguments of one operation."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @property
    def long(self) -> bool:
        """Whether it may take as long as the caller says."""
        return False

    @property
    def given_up_with_caller(self) -> bool:
        """Whether it ends when nobody waits for the answer any more: it changes nothing."""
        return False


class LongQuestion(Args):
    """Takes its time and changes nothing."""

    @property
    def long(self) -> bool:
        return True

    @property
    def given_up_with_caller(self) -> bool:
        return True


class StatusArgs(Args):
    site: Name | None = None


class EventsArgs(Args):
    """``since_s``: raised or cleared within so many seconds, `LONGEST_S` at most."""

    site: Name | None = None
    since_s: float | None = Field(default=None, ge=0, le=LONGEST_S)
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
    """``token`` or ``id``, one of them."""

    token: str | None = Field(default=None, min_length=1, max_length=256, repr=False)
    id: str | None = Field(default=None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.token is None) is (self.id is None):
            raise ValueError("token or id, one of them")
        return self


class LastArgs(Args):
    """``ap``: site/ap."""

    ap: str = Field(pattern=AP)


class ApproveArgs(Args):
    id: str = Field(min_length=1, max_length=64)


class ApproveAllArgs(Args):
    """``site`` None: of all sites."""

    site: Name | None = None


class RejectArgs(Args):
    id: str = Field(min_length=1, max_length=64)
    why: str = Field(default="", max_length=200)


class AcknowledgeArgs(Args):
    id: str = Field(min_length=1, max_length=64)


class UndoArgs(Args):
    """Changes made within ``since_s``; ``site`` None: of all sites. ``dry_run``: only told."""

    since_s: float = Field(gt=0, le=604_800)
    site: Name | None = None
    dry_run: bool = False


class BudgetArgs(Args):
    site: Name | None = None


class SnapshotArgs(LongQuestion):
    site: Name


class PlanArgs(Args):
    """``apply``: carry it out. ``stop``: make none, and end the one that is being carried out. The others
    are wishes (`agent.planner.site.plan.Wishes`); None: as the site's file has it."""

    site: Name
    apply: bool = False
    stop: bool = False
    zone: Name | None = None
    most_moves: int | None = Field(default=None, ge=0, le=MOVES_MOST)
    least_gain: float | None = Field(default=None, ge=0, le=1)
    limit_s: float | None = Field(default=None, ge=1, le=600)
    power: bool | None = None
    obss_pd: bool | None = None
    exact: bool | None = None
    seed: int | None = Field(default=None, ge=0, le=SEED_MOST)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.apply and self.stop:
            raise ValueError("apply or stop, not both")
        return self

    @property
    def long(self) -> bool:
        return not self.stop

    @property
    def given_up_with_caller(self) -> bool:
        return not (self.apply or self.stop)

    @property
    def wishes(self) -> Mapping[str, Any]:
        """Those that are given."""
        return self.model_dump(exclude={"site", "apply", "stop"}, exclude_none=True)


class PauseArgs(Args):
    """``scope``: a site, site/ap, site/ap/radio, or * for all. ``for_s`` None: until it is resumed."""

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


class ProbeArgs(LongQuestion):
    """``ap``: site/ap. ``for_s``: asked again so much later, to count in between."""

    ap: str = Field(pattern=AP)
    for_s: float = Field(default=0.0, ge=0, le=600)


ARGS: Mapping[str, type[Args]] = MappingProxyType(
    {
        "status": StatusArgs,
        "events": EventsArgs,
        "changes": ChangesArgs,
        "change": ChangeArgs,
        "rollback": RollbackArgs,
        "last": LastArgs,
        "approve": ApproveArgs,
        "approve_all": ApproveAllArgs,
        "reject": RejectArgs,
        "acknowledge": AcknowledgeArgs,
        "undo": UndoArgs,
        "budget": BudgetArgs,
        "snapshot": SnapshotArgs,
        "plan": PlanArgs,
        "pause": PauseArgs,
        "resume": ResumeArgs,
        "release": ReleaseArgs,
        "inject": InjectArgs,
        "probe": ProbeArgs,
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
    return f'{{"ok":true,"result":{rendered(result)}}}\n'.encode()


def render_error(code: str, message: str) -> bytes:
    return _line({"ok": False, "error": {"code": code, "message": message}})


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode() + b"\n"
