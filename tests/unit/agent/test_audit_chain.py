"""The audit chain: what is signed, and that every kind of tampering is told by its name."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import io
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from agent import audit_chain
from agent.audit_chain import (
    GENESIS,
    AuditHead,
    Kind,
    Line,
    NotCanonical,
    Report,
    canonical,
    key_id_of,
    sign,
    verify,
)

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
KEYS = {key_id_of(KEY): KEY}


def record(number: int, **more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "id": f"id-{number}",
        "kind": "transition",
        "old": {"channel": 1},
        "new": {"channel": 11},
        "reason": {"code": "held", "params": {"mac": "x", "naïve": 'ü€😀\n"\\'}},
        "drill": False,
        "result": None,
        **more,
    }


def chain(
    count: int, key: bytes = KEY, *, first: int = 1, prev: str = GENESIS, **more: Any
) -> tuple[list[bytes], str]:
    lines = []
    for seq in range(first, first + count):
        signed, line = sign(record(seq, **more), seq, prev, key, key_id_of(key))
        prev = signed["mac"]
        lines.append(line)
    return lines, prev


def numbered(lines: list[bytes], file: str = "audit_20260101.jsonl") -> list[Line]:
    return [(file, number, line) for number, line in enumerate(lines, 1)]


def head_of(lines: list[bytes]) -> AuditHead:
    last = json.loads(lines[-1])
    return AuditHead(seq=last["seq"], mac=last["mac"], file="audit_20260101.jsonl", size=sum(map(len, lines)))


def check(lines: list[bytes], head: AuditHead | None = None) -> Report:
    return verify(numbered(lines), KEYS, head)


def told(report: Report) -> list[tuple[str, int, int | None]]:
    return [(one.kind.value, one.line, one.seq) for one in report.findings]


def edited(line: bytes, **values: Any) -> bytes:
    return canonical({**json.loads(line), **values}) + b"\n"


LINES, LAST_MAC = chain(8)
HEAD = head_of(LINES)


def test_an_untouched_log_is_intact() -> None:
    report = check(LINES, HEAD)
    assert report.intact
    assert (report.records, report.last_seq) == (8, 8)


def test_the_chain_runs_on_across_files() -> None:
    lines = numbered(LINES[:3], "audit_20260101.jsonl") + numbered(LINES[3:], "audit_20260102.jsonl")
    assert verify(lines, KEYS, HEAD).intact


def test_an_empty_log_is_intact_when_nothing_was_ever_written() -> None:
    assert check([]).intact
    assert told(check([], HEAD)) == [("truncation", 0, 1)]


def test_a_line_is_the_canonical_form_of_rfc_8785_and_its_mac_that_of_the_rest() -> None:
    for line in LINES:
        one = json.loads(line)
        assert line == rfc8785.dumps(one) + b"\n"
        mac = one.pop("mac")
        assert mac == hmac.new(KEY, rfc8785.dumps(one), hashlib.sha256).hexdigest()


def test_the_first_record_follows_64_zeros() -> None:
    assert json.loads(LINES[0])["prev_mac"] == "0" * 64


def test_signature_covers_the_changed_values() -> None:
    """A peer's signature left out the old and new values: they could be rewritten at will."""
    for field in json.loads(LINES[4]):
        if field in ("mac", "seq", "key_id"):
            continue
        forged = edited(LINES[4], **{field: {"channel": 13}})
        report = check([*LINES[:4], forged, *LINES[5:]], HEAD)
        assert Kind.EDIT in {one.kind for one in report.findings} or field == "prev_mac"
        assert not report.intact


def test_signature_is_never_recomputed_before_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer signed the record it had just read, and compared that with itself: everything passed."""

    def no_signing(*_: object) -> None:
        raise AssertionError("verifying must not sign")

    monkeypatch.setattr(audit_chain, "sign", no_signing)
    forged = edited(LINES[4], mac=hashlib.sha256(b"made up").hexdigest())
    assert told(check([*LINES[:4], forged, *LINES[5:]], HEAD))[0] == ("edit", 5, 5)


def test_there_is_no_default_key() -> None:
    """A peer shipped a secret in its code; here a key is an argument, and a short one is refused."""
    for function in (sign, audit_chain.mac_of):
        assert inspect.signature(function).parameters["key"].default is inspect.Parameter.empty
    assert inspect.signature(verify).parameters["keys"].default is inspect.Parameter.empty
    for weak in (b"", b"secret", bytes(31)):
        with pytest.raises(ValueError, match="at least 32 bytes"):
            sign(record(1), 1, GENESIS, weak, "id")


def test_edit() -> None:
    forged = edited(LINES[3], new={"channel": 6})
    assert told(check([*LINES[:3], forged, *LINES[4:]], HEAD)) == [("edit", 4, 4)]


def test_edit_of_the_last_record() -> None:
    assert told(check([*LINES[:-1], edited(LINES[-1], drill=True)], HEAD)) == [("edit", 8, 8)]


def test_edit_of_the_number_itself() -> None:
    forged = edited(LINES[3], seq=700)
    assert told(check([*LINES[:3], forged, *LINES[4:]], HEAD)) == [("edit", 4, 700)]


def test_edit_by_a_second_value_for_the_same_key() -> None:
    """Some readers take the first of two equal keys, others the last: only one form of a line is genuine."""
    forged = LINES[3].replace(b'{"drill":false', b'{"drill":true,"drill":false', 1)
    assert json.loads(forged) == json.loads(LINES[3])
    assert told(check([*LINES[:3], forged, *LINES[4:]], HEAD)) == [("edit", 4, 4)]


def test_edit_of_white_space_only() -> None:
    forged = LINES[3].replace(b'"kind":"', b'"kind": "', 1)
    assert told(check([*LINES[:3], forged, *LINES[4:]], HEAD)) == [("edit", 4, 4)]


def test_edit_into_a_float() -> None:
    forged = LINES[3].replace(b'"v":1', b'"v":1.0', 1)
    assert told(check([*LINES[:3], forged, *LINES[4:]], HEAD)) == [("edit", 4, 4)]


def test_wrong_key() -> None:
    report = verify(numbered(LINES), {key_id_of(OTHER): OTHER}, HEAD)
    assert [(one.kind, one.line) for one in report.findings] == [(Kind.WRONG_KEY, 1)]
    assert report.records == 0


def test_wrong_key_under_the_right_name() -> None:
    report = verify(numbered(LINES), {key_id_of(KEY): OTHER}, HEAD)
    assert [(one.kind, one.line) for one in report.findings] == [(Kind.WRONG_KEY, 1)]


def test_a_log_of_two_keys_is_intact_with_both() -> None:
    more, _ = chain(3, OTHER, first=9, prev=LAST_MAC)
    lines = numbered(LINES + more)
    assert verify(lines, {**KEYS, key_id_of(OTHER): OTHER}).intact
    report = verify(lines, KEYS)
    assert [(one.kind, one.line, one.seq) for one in report.findings] == [(Kind.WRONG_KEY, 9, 9)]


def test_deletion() -> None:
    report = check(LINES[:3] + LINES[5:], HEAD)
    assert told(report) == [("deletion", 4, 4)]
    assert "records 4..5 are missing" in str(report.findings[0])


def test_deletion_of_the_beginning() -> None:
    assert told(check(LINES[2:], HEAD)) == [("deletion", 1, 1)]


def test_archived_files_may_be_absent_when_their_end_is_known() -> None:
    assert verify(numbered(LINES[3:]), KEYS, HEAD, start=head_of(LINES[:3])).intact


def test_insertion_of_a_record_that_is_there_already() -> None:
    assert told(check([*LINES[:6], LINES[2], *LINES[6:]], HEAD)) == [("insertion", 7, 3)]


def test_insertion_of_a_line_that_nobody_signed() -> None:
    forged = edited(LINES[3], id="made up")
    assert told(check([*LINES[:4], forged, *LINES[4:]], HEAD)) == [("insertion", 5, 4)]


def test_reordering() -> None:
    swapped = [*LINES[:3], LINES[4], LINES[3], *LINES[5:]]
    assert told(check(swapped, HEAD)) == [("reordering", 5, 4)]


def test_truncation() -> None:
    assert told(check(LINES[:5], HEAD)) == [("truncation", 5, 6)]
    assert check(LINES[:5]).intact, "without the head nobody can know"


def test_torn_last_line() -> None:
    known = head_of(LINES[:7])
    for cut in range(1, len(LINES[7])):
        assert told(check([*LINES[:7], LINES[7][:cut]], known)) == [("torn_line", 8, None)]


def test_garbage_line() -> None:
    for junk in (b"hello\n", b"\0\0\0\n", b"[1]\n", b'{"seq":"4"}\n', b"\n", b"[" * 100_000 + b"\n"):
        assert told(check([*LINES[:3], junk, *LINES[3:]], HEAD)) == [("garbage", 4, None)]
        assert told(check([*LINES[:3], junk, *LINES[4:]], HEAD)) == [("garbage", 4, None)]


def test_fork_two_genuine_histories_in_one_log() -> None:
    """A restored store, or two daemons with one key: every MAC is good, but one follows another record."""
    other, _ = chain(8, result="another life")
    assert told(check(LINES[:4] + other[4:])) == [("fork", 5, 5)]
    assert Kind.FORK in {one.kind for one in check(other, HEAD).findings}


def test_floats_and_what_has_no_exact_form_are_refused() -> None:
    for value in (1.5, {"a": [0.0]}, ("x", 1e9), 2**53, "\ud800", {1: 2}, object(), float("nan")):
        with pytest.raises(NotCanonical):
            canonical({"value": value})


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), values, max_size=6))
def test_any_record_survives_signing_and_reading(fields: dict[str, Any]) -> None:
    signed, line = sign(fields, 1, GENESIS, KEY, key_id_of(KEY))
    assert json.loads(line) == signed
    assert line == rfc8785.dumps(signed) + b"\n"
    assert check([line]).intact


@st.composite
def tampering(draw: st.DrawFn) -> list[bytes]:
    """A log after a few random acts of someone who has the file but not the key."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        act = draw(st.sampled_from(["drop", "copy", "move", "byte", "field", "junk", "cut"]))
        place = draw(st.integers(0, max(0, len(lines) - 1)))
        lines = ACTS[act](draw, lines, place) if lines else lines
    return lines


def _drop(_: st.DrawFn, lines: list[bytes], place: int) -> list[bytes]:
    return lines[:place] + lines[place + 1 :]


def _copy(draw: st.DrawFn, lines: list[bytes], place: int) -> list[bytes]:
    to = draw(st.integers(0, len(lines)))
    return [*lines[:to], lines[place], *lines[to:]]


def _move(draw: st.DrawFn, lines: list[bytes], place: int) -> list[bytes]:
    rest = _drop(draw, lines, place)
    to = draw(st.integers(0, len(rest)))
    return [*rest[:to], lines[place], *rest[to:]]


def _byte(draw: st.DrawFn, lines: list[bytes], place: int) -> list[bytes]:
    line = bytearray(lines[place])
    if line:
        line[draw(st.integers(0, len(line) - 1))] = draw(st.integers(0, 255))
    return [*lines[:place], bytes(line), *lines[place + 1 :]]


def _field(draw: st.DrawFn, lines: list[bytes], place: int) -> list[bytes]:
    try:
        one = json.loads(lines[place])
        name = draw(st.sampled_from(sorted(one)))
        one[name] = draw(st.integers(0, 20) | st.sampled_from([GENESIS, "x", key_id_of(OTHER)]))
        return [*lines[:place], canonical(one) + b"\n", *lines[place + 1 :]]
    except (ValueError, TypeError):
        return lines


def _junk(draw: st.DrawFn, lines: list[bytes], place: int) -> list[bytes]:
    return [*lines[:place], draw(st.binary(max_size=20)) + b"\n", *lines[place:]]


def _cut(_: st.DrawFn, lines: list[bytes], place: int) -> list[bytes]:
    return lines[:place]


ACTS = {
    "drop": _drop,
    "copy": _copy,
    "move": _move,
    "byte": _byte,
    "field": _field,
    "junk": _junk,
    "cut": _cut,
}


@given(tampering())
def test_whatever_is_done_to_a_log_without_the_key_is_seen(lines: list[bytes]) -> None:
    """The lines are joined and split again at each newline, as a file is when it is read."""
    data = b"".join(lines)
    assert check(list(io.BytesIO(data)), HEAD).intact == (data == b"".join(LINES))
