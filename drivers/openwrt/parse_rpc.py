"""ubus over JSON-RPC: requests -> text, and text -> answers. Pure.

Source: uhttpd ubus.c; recorded: HTTP status is 200 for all of it. params must hold four elements.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from drivers.errors import DeviceTimeout, DriverError, Garbage, PersonNeeded
from drivers.openwrt.ubus import NO_ARGS, AccessDenied, Answer, Call, Event, ObjectGone, Status, StatusRefused

NOBODY: Final = "0" * 32
"""The session of one who has not logged in."""
BODY_LIMIT: Final = 60_000  # bytes; uhttpd cuts a request off at 65536
BATCH_LIMIT: Final = 64  # calls; uhttpd carries them out one after the other
_DENIED: Final = -32002
_GONE: Final = -32000
_TIMED_OUT: Final = -32003


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A session, and what it may. ``rights`` None: the AP did not say."""

    session: str
    rights: Mapping[str, tuple[str, ...]] | None

    def may(self, object: str, method: str) -> bool:
        """Patterns as rpcd's session.c matches them (fnmatch)."""
        if self.rights is None:
            return True
        return any(
            fnmatchcase(object, pattern) and any(fnmatchcase(method, each) for each in methods)
            for pattern, methods in self.rights.items()
        )


def request(number: int, session: str, call: Call) -> str:
    params = [session, call.object, call.method, dict(call.args)]
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "call", "params": params})


def list_request(number: int, object: str) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "list", "params": [object]})


def methods(body: bytes, number: int, object: str) -> frozenset[str]:
    """Of the answer to `list_request`. Raises Garbage."""
    said: Any = _json(body)
    if _number(said) != number or not isinstance(result := said.get("result"), dict):
        raise Garbage(f"list {object}: {str(said)[:80]}")
    found = result.get(object, {})
    return frozenset(found if isinstance(found, dict) else ())


def chunks(requests: Sequence[tuple[int, str]]) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """(numbers, body) of as few bodies as uhttpd takes; one request alone is no list."""
    rest = list(requests)
    while rest:
        size, count = 2, 0
        for _, text in rest[:BATCH_LIMIT]:
            size += len(text.encode()) + 1
            if count and size > BODY_LIMIT:
                break
            count += 1
        now, rest = rest[:count], rest[count:]
        body = now[0][1] if count == 1 else f"[{','.join(text for _, text in now)}]"
        yield tuple(number for number, _ in now), body.encode()


def answers(body: bytes, asked: Mapping[int, Call]) -> dict[int, Answer]:
    """By request number, one for each asked. Raises Garbage: nothing of it can be used."""
    said = _json(body)
    rows = said if isinstance(said, list) else [said]
    found: dict[int, Answer] = {}
    for row in rows:
        number = _number(row)
        if number is None or number not in asked or number in found:
            raise Garbage(f"an answer to another request: {str(row)[:80]}, asked {sorted(asked)[:4]}")
        found[number] = _answer(asked[number], row)
    lost = (number for number in asked if number not in found)
    return found | {number: Answer(error=Garbage(f"no answer to {asked[number]}")) for number in lost}


def _number(row: object) -> int | None:
    number = row.get("id") if isinstance(row, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _answer(call: Call, row: Any) -> Answer:
    if isinstance(error := row.get("error"), dict):
        return Answer(error=_rpc_error(call, error))
    match row.get("result"):
        case [int(status)] | [int(status), _] if status != Status.OK and not isinstance(status, bool):
            return Answer(error=status_error(call, status))
        case [0] | [0, None]:
            return Answer()
        case [0, dict(data)]:
            return Answer(data=data)
    return Answer(error=Garbage(f"{call}: an answer without a result: {str(row)[:80]}"))


def _rpc_error(call: Call, error: Mapping[str, Any]) -> DriverError:
    code, words = error.get("code"), str(error.get("message"))[:80]
    if code == _DENIED:
        return AccessDenied(f"{call}: the ACL of rrmd's user does not grant it (docs/openwrt.md)")
    if code == _GONE:
        return ObjectGone(f"{call}: no such object now")
    if code == _TIMED_OUT:
        return DeviceTimeout(f"{call}: {words}")
    return Garbage(f"{call}: error {str(code)[:20]}: {words}")


def status_error(call: Call, status: int) -> DriverError:
    """What a status other than OK means to the caller."""
    if status == Status.TIMEOUT:
        return DeviceTimeout(f"{call}: the object did not answer in time")
    known = {each.value: each.name.lower().replace("_", " ") for each in Status}
    return StatusRefused(f"{call}: {known.get(status, 'unknown status')} ({status})", status)


def grant(data: Mapping[str, Any]) -> Grant:
    """What `session login` answers. Raises Garbage."""
    session = data.get("ubus_rpc_session")
    if not isinstance(session, str) or len(session) != 32:
        raise Garbage("session login: an answer without a session")
    acls = data.get("acls")
    rights = acls.get("ubus") if isinstance(acls, dict) else None
    return Grant(session=session, rights=_rights(rights) if isinstance(rights, dict) else None)


def cli_answer(call: Call, status: int, text: str) -> Answer:
    """Of `ubus -S call`, by its exit status: 1 to 13 is the bus's (no such object), 243 to 255 is 256 minus
    the method's (recorded: 4 for an unknown object, 253 for an unknown method)."""
    if status == 0:
        return _cli_data(call, text)
    if status == Status.NOT_FOUND:
        return Answer(error=ObjectGone(f"{call}: no such object now"))
    if status == 127:
        return Answer(error=PersonNeeded(f"{call}: this AP has no program ubus: {text.strip()[:80]}"))
    code = 256 - status if status > 242 else status
    return Answer(error=status_error(call, code))


def _cli_data(call: Call, text: str) -> Answer:
    if not text.strip():
        return Answer()
    try:
        data = _json(text.encode())
    except Garbage as error:
        return Answer(error=error)
    return Answer(data=data) if isinstance(data, dict) else Answer(error=Garbage(f"{call}: {text[:80]!r}"))


def cli_event(object: str, line: str) -> Event | None:
    """Of a line of `ubus subscribe`: {"kind": {...}}. None: it is none."""
    try:
        said = _json(line.encode())
    except Garbage:
        return None
    if not isinstance(said, dict) or len(said) != 1:
        return None
    ((kind, data),) = said.items()
    return Event(object=object, kind=kind, data=data if isinstance(data, dict) else NO_ARGS)


def _rights(said: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    return {
        pattern: tuple(each for each in methods if isinstance(each, str))
        for pattern, methods in said.items()
        if isinstance(methods, list)
    }


def _json(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Garbage(f"no JSON: {body[:60]!r}") from error


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")
