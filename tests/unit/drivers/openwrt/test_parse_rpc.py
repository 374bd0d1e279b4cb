"""JSON-RPC of uhttpd: requests in chunks, answers by their number, errors by what to do about them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.drivers.openwrt.recorded import rpc, whole

from drivers.errors import DeviceTimeout, DriverError, Garbage, PersonNeeded
from drivers.openwrt import parse_rpc
from drivers.openwrt.ubus import AccessDenied, Answer, Call, ObjectGone, StatusRefused

CALL = Call(object="iwinfo", method="devices")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _answer(label: str) -> Answer:
    _, said = rpc(label)
    number = said["id"]
    return parse_rpc.answers(json.dumps(said).encode(), {number: CALL})[number]


def test_the_request_is_the_one_that_was_recorded() -> None:
    """params must hold four elements, else -32700."""
    asked, _ = rpc("rrm iwinfo devices {}")
    assert json.loads(parse_rpc.request(1, asked["params"][0], CALL)) == asked


def test_an_answer_is_its_data() -> None:
    assert _answer("rrm iwinfo devices {}").result() == {"devices": ["phy0-ap0", "phy1-ap0"]}


@pytest.mark.parametrize(
    "label",
    ["no session (zeros) iwinfo", "garbage session id", "expired session", "ro: switch_chan denied"],
)
def test_no_wrong_expired_session_and_missing_right_are_all_32002(label: str) -> None:
    assert isinstance(_answer(label).error, AccessDenied)


def test_an_unknown_object_is_gone_for_now() -> None:
    assert isinstance(_answer("rrm nosuch x {}").error, ObjectGone)


@pytest.mark.parametrize(
    ("label", "status"),
    [
        ("rrm iwinfo info {'device': 'nope'}", 4),
        ("rrm iwinfo info {'device': 5}", 2),
        ("rrm iwinfo nosuch {}", 3),
        ("login wrong password", 6),
        ("string arg for integer", 2),
    ],
)
def test_a_status_is_kept(label: str, status: int) -> None:
    error = _answer(label).error
    assert isinstance(error, StatusRefused)
    assert error.status == status


def test_a_call_that_hung_for_a_minute_may_have_been_done() -> None:
    (_, _, text) = whole("http-inflight-hang.json")["slow"][0]
    assert isinstance(parse_rpc.answers(text.encode(), {1: CALL})[1].error, DeviceTimeout)


def test_the_rights_of_a_login_are_known_beforehand() -> None:
    _, said = rpc("login ro")
    grant = parse_rpc.grant(said["result"][1])
    assert grant.may("hostapd.phy0-ap0", "get_status")
    assert not grant.may("hostapd.phy0-ap0", "switch_chan")
    assert not grant.may("uci", "set")


def test_another_requests_answer_is_garbage() -> None:
    body = b'{"jsonrpc":"2.0","id":7,"result":[0,{}]}'
    with pytest.raises(Garbage, match="another request"):
        parse_rpc.answers(body, {8: CALL})


def test_the_same_number_twice_is_garbage() -> None:
    row = '{"jsonrpc":"2.0","id":1,"result":[0,{}]}'
    with pytest.raises(Garbage):
        parse_rpc.answers(f"[{row},{row}]".encode(), {1: CALL})


def test_of_a_batch_that_lacks_one_the_others_count() -> None:
    found = parse_rpc.answers(b'[{"jsonrpc":"2.0","id":1,"result":[0,{"a":1}]}]', {1: CALL, 2: CALL})
    assert found[1].result() == {"a": 1}
    assert isinstance(found[2].error, Garbage)


@given(st.lists(st.integers(0, 3000), max_size=150))
def test_no_body_is_longer_than_uhttpd_takes_and_none_is_lost(sizes: list[int]) -> None:
    requests = [(n, json.dumps({"id": n, "x": "y" * size})) for n, size in enumerate(sizes)]
    found = list(parse_rpc.chunks(requests))
    assert [number for numbers, _ in found for number in numbers] == list(range(len(sizes)))
    assert all(len(body) < 65536 for _, body in found)
    assert all(isinstance(json.loads(body), list) is (len(numbers) > 1) for numbers, body in found)


@given(JSON)
def test_whatever_json_comes_it_is_an_answer_or_garbage(said: object) -> None:
    body = json.dumps([{"jsonrpc": "2.0", "id": 1, "result": said}]).encode()
    error = parse_rpc.answers(body, {1: CALL})[1].error
    assert error is None or isinstance(error, DriverError)
    with pytest.raises((Garbage, PersonNeeded)):
        parse_rpc.answers(json.dumps({"other": said}).encode(), {1: CALL})


@given(st.binary(max_size=200))
def test_whatever_bytes_come_nothing_else_is_raised(body: bytes) -> None:
    with pytest.raises(Garbage):
        parse_rpc.answers(b"\x00" + body, {1: CALL})


def test_json_that_is_too_deep_is_garbage() -> None:
    with pytest.raises(Garbage):
        parse_rpc.answers(b"[" * 100_000, {1: CALL})


@pytest.mark.parametrize(
    ("status", "error"), [(4, ObjectGone), (252, StatusRefused), (249, DeviceTimeout), (127, PersonNeeded)]
)
def test_the_exit_status_of_ubus_tells_an_absent_object_from_a_method_that_found_nothing(
    status: int, error: type[DriverError]
) -> None:
    assert isinstance(parse_rpc.cli_answer(CALL, status, "").error, error)


def test_a_line_of_ubus_subscribe_is_an_event() -> None:
    line = '{ "channel-switch": {"ifname":"phy0-ap0","freq":5220} }'
    event = parse_rpc.cli_event("hostapd.phy0-ap0", line)
    assert event is not None
    assert (event.kind, event.data["freq"]) == ("channel-switch", 5220)
    assert parse_rpc.cli_event("x", "not json") is None
