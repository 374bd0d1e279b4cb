"""Audit records before they are chained: every field of the format, absent ones null. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.change import Actor, Change, State
from agent.moment import Moment
from inventory.model import RadioKey, ap_of

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Keyed names: without the key nobody can try all names until one fits."""

    key: bytes

    @property
    def key_id(self) -> str:
        return hashlib.sha256(b"rrmd pseudonym key id" + self.key).hexdigest()[:16]

    def __call__(self, name: str) -> str:
        return hmac.digest(self.key, name.encode(), "sha256").hex()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen. ``value`` is an integer or text (ratios in ppm), ``age_ms`` how old it was."""

    field: str
    value: int | str
    unit: str
    source: str
    age_ms: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "field": self.field,
            "value": self.value,
            "unit": self.unit,
            "source": self.source,
            "age_ms": self.age_ms,
        }


def ppm(ratio: float) -> int:
    return round(ratio * 1_000_000)


KINDS: Final = ("event", "decision", "transition", "operator", "system")


def record(
    *,
    id: str,
    now: Moment,
    kind: str,
    site: str,
    names: Pseudonyms,
    reason: str,
    params: Mapping[str, Any] | None = None,
    radio: RadioKey | None = None,
    change: Change | None = None,
    event_id: str | None = None,
    from_state: State | None = None,
    to_state: State | None = None,
    evidence: Sequence[Evidence] = (),
    result: str | None = None,
    actor: Actor | None = None,
    drill: bool = False,
) -> dict[str, Any]:
    """One record of the audit log, without ``seq``, ``prev_mac``, ``key_id`` and ``mac`` (the appender's).

    ``kind``: one of `KINDS`. ``params`` hold integers and text only.
    """
    who = actor or (change.actor if change else Actor())
    one = radio or (change.radios[0] if change and len(change.radios) == 1 else None)
    return {
        "v": 1,
        "id": id,
        "utc": now.utc_us,
        "boot_id": now.boot_id,
        "site": site,
        "kind": kind,
        "ap": names(ap_of(one)) if one else None,
        "radio": names(one) if one else None,
        "pseudo_key_id": names.key_id,
        "event_id": event_id or (change.event_id if change else None),
        "change_id": change.id if change else None,
        "undo_of": change.undo_of if change else None,
        "from_state": from_state,
        "to_state": to_state,
        "reason": {"code": reason, "params": dict(params or {})},
        "evidence": [item.to_json() for item in evidence],
        "scope": {"kind": change.scope.kind, "name": names(change.scope.name)} if change else None,
        "members": [names(member) for member in change.radios] if change else None,
        "old": dict(change.prior) if change else None,
        "new": dict(change.target) if change else None,
        "token_sha256": change.token_sha256 if change else None,
        "result": result,
        "actor": {"type": who.type, "uid": who.uid, "name": who.name},
        "drill": drill or bool(change and change.drill),
    }
