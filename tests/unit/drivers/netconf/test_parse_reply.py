"""What a device means by its answer, and XML that nobody should read."""

from __future__ import annotations

import pytest

from drivers.errors import Garbage, Refused, TryAgain
from drivers.netconf.parse_hello import offers
from drivers.netconf.parse_reply import Busy, Locked, NotPending, data, reply
from drivers.netconf.parse_xml import boolean, counter, integer, mac, percent, text, tree

NS = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'


def answer(tag: str, message: str, info: str = "", severity: str = "error") -> str:
    words = f"<error-tag>{tag}</error-tag><error-severity>{severity}</error-severity>"
    more = f"<error-message>{message}</error-message>{info}"
    return f"<rpc-reply {NS}><rpc-error>{words}{more}</rpc-error></rpc-reply>"


def test_a_reply_that_is_ok_is_one() -> None:
    assert reply(f"<rpc-reply {NS}><ok/></rpc-reply>") is not None


def test_a_warning_is_no_error() -> None:
    assert reply(answer("operation-failed", "deprecated", severity="warning")) is not None


def test_a_lock_of_somebody_else_names_the_holder() -> None:
    info = "<error-info><session-id>12</session-id></error-info>"
    with pytest.raises(Locked, match="session 12 holds the lock") as found:
        reply(answer("lock-denied", "no", info))
    assert found.value.holder == "12"
    assert isinstance(found.value, TryAgain)


@pytest.mark.parametrize("info", ["", "<error-info><session-id>0</session-id></error-info>"])
def test_a_lock_that_no_session_holds_says_so(info: str) -> None:
    with pytest.raises(Locked, match="not by NETCONF"):
        reply(answer("lock-denied", "no", info))


@pytest.mark.parametrize(
    ("tag", "message", "error"),
    [
        ("in-use", "confirmed-commit pending", Busy),
        ("resource-denied", "", Busy),
        ("invalid-value", "value not in range", Refused),
        ("access-denied", "", Refused),
        ("operation-failed", "", Refused),
        ("malformed-message", "", Garbage),
        ("invalid-value", "wrong persist-id", NotPending),
    ],
)
def test_each_tag_has_its_reaction(tag: str, message: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=tag):
        reply(answer(tag, message))


def test_the_devices_own_words_are_shortened() -> None:
    with pytest.raises(Refused) as found:
        reply(answer("operation-failed", "x" * 5000))
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    "words",
    [
        "",
        "<rpc-reply",
        "<hello/>",
        '<!DOCTYPE a [<!ENTITY b "c">]><rpc-reply/>',
        "<a>" * 80 + "</a>" * 80,
        "\x00",
    ],
    ids=range(6),
)
def test_what_is_no_reply_is_garbage(words: str) -> None:
    with pytest.raises(Garbage):
        reply(words)


def test_a_reply_without_data_is_garbage_where_data_was_asked_for() -> None:
    with pytest.raises(Garbage):
        data(reply(f"<rpc-reply {NS}><ok/></rpc-reply>"))


@pytest.mark.parametrize("words", ["", "x", "1.5", "256", "-1", "0x1", "١", "1 2", "9" * 30])
def test_a_number_out_of_its_range_is_not_reported(words: str) -> None:
    assert integer(tree(f"<a><b>{words}</b></a>"), "b", least=0, most=255) is None


@pytest.mark.parametrize(("words", "ratio"), [("0", 0.0), ("100", 1.0), ("37", 0.37), ("12.5", 0.125)])
def test_a_percentage_is_a_ratio(words: str, ratio: float) -> None:
    assert percent(tree(f"<a><b> {words} </b></a>"), "b") == ratio


@pytest.mark.parametrize("words", ["101", "137", "255", "-1", "nan", "inf", ""])
def test_more_than_all_of_it_is_no_share(words: str) -> None:
    assert percent(tree(f"<a><b>{words}</b></a>"), "b") is None


def test_leafs_are_read_whatever_their_namespace() -> None:
    root = tree('<x:a xmlns:x="u:1"><x:b>AA-BB-CC-00-11-22</x:b><c>true</c><d>7</d><e/></x:a>')
    assert mac(root, "b") == "aa:bb:cc:00:11:22"
    assert boolean(root, "c") is True
    assert counter(root, "d", bits=32) == 7
    assert text(root, "e") is None
    assert text(root, "f") is None


def test_what_a_server_offers_is_in_its_hello() -> None:
    base = "urn:ietf:params:netconf:capability:"
    told = offers(
        [f"{base}candidate:1.0", f"{base}confirmed-commit:1.1", "http://x?module=m&revision=1", "?"]
    )
    assert told.undo_timer
    assert told.modules == {"m"}
    assert not offers([f"{base}candidate:1.0", f"{base}confirmed-commit:1.0"]).undo_timer
