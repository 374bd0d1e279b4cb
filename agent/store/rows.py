"""What turns the store's rows into values and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from agent.change import Actor, Cause, Change, State
from agent.events import Event, EventKind
from agent.moment import Deadline
from agent.nop import Nop
from agent.usual import Hour
from drivers.types import Action, ScopeRef, Setting, Values
from inventory.model import RadioKey

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A stored rollback token; the token itself is known only by its SHA-256."""

    sha256: str
    change_id: str
    expires: Deadline
    used_utc_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A scope (``*``, a site, a radio key) that the agent leaves alone. ``until`` None = for good."""

    scope: str
    actor: Actor
    since_utc_us: int
    until: Deadline | None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An audit record waiting to be chained and written."""

    seq: int
    record: dict[str, Any]


def plain(value: Any) -> Any:
    """The value with every mapping a dict and every sequence a list, as JSON wants it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def dumps(value: Any) -> str:
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _maybe(value: Any) -> str | None:
    return None if value is None else dumps(value)


def _values(text: str) -> Values:
    return MappingProxyType({Setting(key): int(value) for key, value in json.loads(text).items()})


def _mapping(text: str) -> Mapping[str, Any]:
    return MappingProxyType(dict(json.loads(text)))


def _actor_json(actor: Actor) -> dict[str, Any]:
    return {"type": actor.type, "uid": actor.uid, "name": actor.name}


def deadline_json(deadline: Deadline | None) -> dict[str, Any] | None:
    """A deadline as JSON has it; `Deadline` takes the same names back."""
    if deadline is None:
        return None
    return {
        "utc_us": deadline.utc_us,
        "boot_id": deadline.boot_id,
        "boottime_us": deadline.boottime_us,
    }


def change_row(one: Change) -> dict[str, Any]:
    """A change as its row."""
    return {
        "id": one.id,
        "site": one.site,
        "device": one.device,
        "scope": dumps({"kind": one.scope.kind, "name": one.scope.name, "members": one.scope.members}),
        "edit": dumps(one.target),
        "prior": dumps(one.prior),
        "cause": one.cause.value,
        "state": one.state.value,
        "deadline_utc": one.deadline.utc_us,
        "boot_id": one.deadline.boot_id,
        "deadline_boottime_us": one.deadline.boottime_us,
        "actor": dumps(_actor_json(one.actor)),
        "drill": one.drill,
        "event_id": one.event_id,
        "undo_of": one.undo_of,
        "baseline": _maybe(one.baseline),
        "reason": dumps(one.reason),
        "silent_s": one.silent_s,
        "verdict": one.verdict,
        "attempts": one.attempts,
        "rollback_to": _maybe(one.rollback_to),
        "extended": one.extended,
        "created_utc": one.created_utc_us,
        "acked": _maybe(deadline_json(one.acked_at)),
        "undo_until": _maybe(deadline_json(one.undo_until)),
        "token_sha256": one.token_sha256,
        "rev": one.rev,
        "nth": one.nth,
    }


def change_of(row: Row) -> Change:
    """A row as its change. Raises ValueError, KeyError or TypeError when the row is damaged."""
    scope = json.loads(row["scope"])
    return Change(
        id=row["id"],
        site=row["site"],
        device=row["device"],
        scope=ScopeRef(
            kind=scope["kind"], name=scope["name"], members=tuple(map(RadioKey, scope["members"]))
        ),
        target=_values(row["edit"]),
        prior=_values(row["prior"]),
        cause=Cause(row["cause"]),
        state=State(row["state"]),
        deadline=Deadline(
            utc_us=row["deadline_utc"],
            boot_id=row["boot_id"],
            boottime_us=row["deadline_boottime_us"],
        ),
        actor=Actor(**json.loads(row["actor"])),
        drill=row["drill"],
        event_id=row["event_id"],
        undo_of=row["undo_of"],
        baseline=None if row["baseline"] is None else _mapping(row["baseline"]),
        reason=_mapping(row["reason"]),
        silent_s=row["silent_s"],
        verdict=row["verdict"],
        attempts=row["attempts"],
        rollback_to=None if row["rollback_to"] is None else _values(row["rollback_to"]),
        extended=row["extended"],
        created_utc_us=row["created_utc"],
        acked_at=None if row["acked"] is None else Deadline(**json.loads(row["acked"])),
        undo_until=None if row["undo_until"] is None else Deadline(**json.loads(row["undo_until"])),
        token_sha256=row["token_sha256"],
        rev=row["rev"],
        nth=row.get("nth", 0),  # what a journal holds may be of an earlier version
    )


def token_of(row: Row) -> TokenRow:
    return TokenRow(
        sha256=row["sha256"],
        change_id=row["change_id"],
        expires=Deadline(
            utc_us=row["expires_utc"], boot_id=row["boot_id"], boottime_us=row["expires_boottime_us"]
        ),
        used_utc_us=row["used_utc"],
    )


def nop_row(one: Nop) -> dict[str, Any]:
    return {
        "site": one.site,
        "mhz20": one.mhz20,
        "by_radio": one.by_radio,
        "until_utc": one.deadline.utc_us,
        "boot_id": one.deadline.boot_id,
        "until_boottime_us": one.deadline.boottime_us,
    }


def nop_of(row: Row) -> Nop:
    end = Deadline(utc_us=row["until_utc"], boot_id=row["boot_id"], boottime_us=row["until_boottime_us"])
    return Nop(site=row["site"], mhz20=row["mhz20"], deadline=end, by_radio=RadioKey(row["by_radio"]))


def event_row(one: Event) -> dict[str, Any]:
    return {
        "id": one.id,
        "site": one.site,
        "kind": one.kind.value,
        "key": one.key,
        "radio": one.radio,
        "severity": str(one.severity),
        "confidence_ppm": one.confidence_ppm,
        "raised_utc": one.raised_utc_us,
        "cleared_utc": one.cleared_utc_us,
        "drill": one.drill,
        "evidence": dumps(one.evidence),
    }


def event_of(row: Row) -> Event:
    return Event(
        id=row["id"],
        site=row["site"],
        kind=EventKind(row["kind"]),
        key=row["key"],
        radio=None if row["radio"] is None else RadioKey(row["radio"]),
        severity=row["severity"],
        confidence_ppm=row["confidence_ppm"],
        raised_utc_us=row["raised_utc"],
        cleared_utc_us=row["cleared_utc"],
        drill=row["drill"],
        evidence=_mapping(row["evidence"]),
    )


def pause_row(one: Pause) -> dict[str, Any]:
    return {
        "scope": one.scope,
        "actor": dumps(_actor_json(one.actor)),
        "since_utc": one.since_utc_us,
        "until": _maybe(deadline_json(one.until)),
    }


def pause_of(row: Row) -> Pause:
    return Pause(
        scope=row["scope"],
        actor=Actor(**json.loads(row["actor"])),
        since_utc_us=row["since_utc"],
        until=None if row["until"] is None else Deadline(**json.loads(row["until"])),
    )


def outbox_of(row: Row) -> OutboxRow:
    return OutboxRow(row["seq"], dict(json.loads(row["record"])))


def deed_of(row: Row) -> tuple[tuple[RadioKey, Action], int]:
    return (RadioKey(row["radio"]), Action(row["action"])), row["utc"]


def hour_row(one: Hour) -> dict[str, Any]:
    return {"radio": one.radio, "hour": one.hour, "clients": one.clients}


def hour_of(row: Row) -> Hour:
    return Hour(RadioKey(row["radio"]), row["hour"], row["clients"])
