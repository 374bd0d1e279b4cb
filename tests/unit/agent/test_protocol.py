"""What the control socket takes for a request, and how it says no."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.api import answers, protocol
from agent.api.errors import BadArgs, OperationError


def request(op: object, **args: object) -> bytes:
    return json.dumps({"op": op, "args": args}).encode() + b"\n"


def test_arguments_come_typed() -> None:
    op, args = protocol.parse_request(request("inject", kind="DFS_RADAR", radio="north/ap1/r5", channel=52))
    assert op == "inject"
    assert args == protocol.InjectArgs(kind="DFS_RADAR", radio="north/ap1/r5", channel=52, act=False)


def test_arguments_may_be_left_out() -> None:
    assert protocol.parse_request(b'{"op":"status"}\n') == ("status", protocol.StatusArgs())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"rollback please\n",
        b"[]\n",
        b"null\n",
        b'{"op":1}\n',
        b'{"args":{}}\n',
        b'{"op":"status","args":[]}\n',
        b'{"op":"status","extra":1}\n',
        b'{"op":"status"} {"op":"status"}\n',
        b"\xff\xfe\n",
        b'{"op":"status","args":' + b"[" * 5000 + b"]" * 5000 + b"}\n",
    ],
)
def test_what_is_no_request_is_malformed(line: bytes) -> None:
    with pytest.raises(protocol.Malformed):
        protocol.parse_request(line)


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(protocol.UnknownOp, match="no operation 'reboot'; there are status, events"):
        protocol.parse_request(request("reboot"))


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("status", {"sight": "north"}),
        ("status", {"site": 1}),
        ("events", {"limit": 0}),
        ("events", {"limit": "10"}),
        ("events", {"since_s": -1}),
        ("events", {"since_s": 1e308}),
        ("changes", {"open": 1}),
        ("change", {}),
        ("rollback", {"token": ""}),
        ("inject", {"kind": "DFS_RADAR", "radio": "ap1/r5"}),
        ("inject", {"kind": "radar", "radio": "north/ap1/r5"}),
        ("inject", {"kind": "DFS_RADAR", "radio": "north/ap1/r5", "width_mhz": 30}),
        ("inject", {"kind": "DFS_RADAR", "radio": "north/ap1/r5", "act": "yes"}),
        ("probe", {"ap": "ap1"}),
    ],
)
def test_wrong_arguments_are_refused(op: str, args: dict[str, object]) -> None:
    with pytest.raises(BadArgs, match=f"^{op}: "):
        protocol.parse_request(request(op, **args))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_what_is_no_number_is_refused(number: bytes) -> None:
    with pytest.raises(OperationError):
        protocol.parse_request(b'{"op":"events","args":{"since_s":%b}}\n' % number)


def test_a_refused_token_is_not_repeated() -> None:
    with pytest.raises(BadArgs) as refused:
        protocol.parse_request(request("rollback", token="T0KEN" * 100))
    assert "T0KEN" not in str(refused.value)
    assert "T0KEN" not in repr(protocol.RollbackArgs(token="T0KEN"))


LONG = {"probe", "plan", "snapshot"}
LEAST: dict[str, dict[str, object]] = {
    "probe": {"ap": "lab/ap1"},
    "snapshot": {"site": "lab"},
    "plan": {"site": "lab"},
    "change": {"id": "x"},
    "rollback": {"id": "x"},
    "last": {"ap": "lab/ap1"},
    "approve": {"id": "x"},
    "reject": {"id": "x"},
    "acknowledge": {"id": "x"},
    "undo": {"since_s": 1.0},
    "pause": {"scope": "*"},
    "resume": {"scope": "*"},
    "release": {"radio": "lab/ap1/r5"},
    "inject": {"kind": "X", "radio": "lab/ap1/r5"},
}
"""What can't be left out."""


@pytest.mark.parametrize("op", protocol.ARGS)
def test_who_only_asks_something_long_is_not_answered_when_gone_and_all_else_goes_on(op: str) -> None:
    _, args = protocol.parse_request(request(op, **LEAST.get(op, {})))
    assert (args.long, args.given_up_with_caller) == (op in LONG, op in LONG)


@pytest.mark.parametrize(("word", "long"), [("apply", True), ("stop", False)])
def test_a_plan_that_changes_something_goes_on_without_its_caller(word: str, long: bool) -> None:
    _, args = protocol.parse_request(request("plan", site="lab", **{word: True}))
    assert (args.long, args.given_up_with_caller) == (long, False)


def refusal(line: bytes) -> str | None:
    """What is said to this line; None when it is taken. Any other exception fails the test."""
    try:
        op, _ = protocol.parse_request(line)
    except OperationError as error:
        return str(error)
    return None if op in protocol.ARGS else "taken, and unknown"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_an_error_of_ours(line: bytes) -> None:
    assert refusal(line) != "taken, and unknown"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(sorted(protocol.ARGS)), st.dictionaries(st.text(), JSON, max_size=4))
def test_any_arguments_are_taken_or_refused_in_one_line(op: str, args: dict[str, object]) -> None:
    said = refusal(json.dumps({"op": op, "args": args}).encode())
    assert said is None or said.isprintable()


def test_lines_are_lines() -> None:
    result = protocol.render_result({"text": "two\nlines"})
    assert json.loads(result) == {"ok": True, "result": {"text": "two\nlines"}}
    assert result.count(b"\n") == 1
    error = protocol.render_error("refused", "no")
    assert json.loads(error) == {"ok": False, "error": {"code": "refused", "message": "no"}}
    assert protocol.render_request("status", {}) == b'{"op":"status","args":{}}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_no_word_for_is_not_sent(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        protocol.render_result({"ratio": value})


def test_every_operation_has_arguments_and_an_answer() -> None:
    assert set(protocol.ARGS) == set(answers.RESULTS)
