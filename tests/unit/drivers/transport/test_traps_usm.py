"""Keys as the RFCs work them out, the window of time, and what is remembered of it."""

from __future__ import annotations

import pytest
from traps_rig import COMMUNITY, LOGINS, OURS, THEIRS, pdu, sender, v3

from drivers.notifications import Notification
from drivers.transport import traps_message as wire
from drivers.transport.ber import Malformed
from drivers.transport.traps_message import AUTH, PRIV, UserMessage
from drivers.transport.traps_queue import UNREAD_MOST, Subscription, Told, Waiting
from drivers.transport.traps_socket import plain_address
from drivers.transport.traps_usm import BOOTS_MOST, Engine, User, Window, proven, scoped_octets
from inventory.credentials import Secret
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin

ENGINE_OF_RFC_3414 = bytes.fromhex("000000000000000000000002")


@pytest.mark.parametrize(
    ("protocol", "key"),
    [
        (AuthProtocol.MD5, "526f5eed9fcce26f8964c2930787d82b"),
        (AuthProtocol.SHA1, "6695febc9288e36282235fc7151f128497b38f3f"),
    ],
)
def test_the_keys_of_rfc_3414_a_3(protocol: AuthProtocol, key: str) -> None:
    login = SnmpLogin(user="x", auth_protocol=protocol, auth_password=Secret("maplesyrup"))
    keys = User(login).keys(ENGINE_OF_RFC_3414)
    assert keys is not None
    assert keys.auth.hex() == key
    assert keys.priv is None


def test_a_user_without_a_password_has_no_keys() -> None:
    assert User(SnmpLogin(user="x")).keys(THEIRS) is None
    assert User(SnmpLogin(user="x", auth_password=Secret(""))).keys(THEIRS) is None


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: str(login.user))
def test_what_was_sealed_is_proven_and_read(login: SnmpLogin) -> None:
    data = v3(pdu(), login)
    message = wire.envelope(data)
    assert isinstance(message, UserMessage)
    keys = User(login).keys(THEIRS)
    assert keys is not None
    assert proven(message, data, keys)
    assert pdu() in scoped_octets(message, data, keys)
    assert pdu() not in data


def test_privacy_that_the_user_has_not_is_refused() -> None:
    login = SnmpLogin(user="rrm", auth_password=Secret("auth-password"))
    both = SnmpLogin(
        user="rrm",
        auth_password=Secret("auth-password"),
        priv_protocol=PrivProtocol.AES128,
        priv_password=Secret("priv-password"),
    )
    data = v3(pdu(), both, flags=AUTH | PRIV)
    message = wire.envelope(data)
    assert isinstance(message, UserMessage)
    with pytest.raises(Malformed):
        scoped_octets(message, data, User(login).keys(THEIRS))


# -- time ------------------------------------------------------------------------------------------------


def test_a_sender_may_be_150_s_behind_himself() -> None:
    window = Window()
    assert window.admits(7, 1000, 0.0)
    assert window.admits(7, 850, 0.0)
    assert not window.admits(7, 849, 0.0)


def test_his_clock_runs_on_while_he_is_silent() -> None:
    window = Window()
    assert window.admits(7, 1000, 0.0)
    assert not window.admits(7, 1000, 151.0)
    assert window.admits(7, 1001, 151.0 - 0.5)
    assert not window.admits(7, 1001, 151.0 - 0.5 + 151.0)


def test_a_restart_begins_anew_and_what_was_before_it_is_over() -> None:
    window = Window()
    assert window.admits(7, 100_000, 0.0)
    assert window.admits(8, 1, 1.0)
    assert not window.admits(7, 100_001, 2.0)


def test_a_sender_at_the_end_of_his_boots_is_never_in_time() -> None:
    window = Window()
    assert window.admits(BOOTS_MOST, 1, 0.0)
    assert not window.admits(BOOTS_MOST, 2, 0.0)
    assert not Window().admits(BOOTS_MOST + 1, 1, 0.0)


def test_the_same_proof_twice_is_a_replay_and_memory_is_bounded() -> None:
    window = Window()
    assert not window.replayed(b"one")
    assert window.replayed(b"one")
    for n in range(5000):
        window.replayed(n.to_bytes(4, "big"))
    assert len(window._seen) == 4096


@pytest.mark.parametrize(("boots", "time_s", "admitted"), [(7, 10, True), (7, 160, True), (7, 161, False)])
def test_our_own_clock_counts_for_informs(boots: int, time_s: int, admitted: bool) -> None:
    data = v3(pdu(), engine_id=OURS, boots=boots, time_s=time_s)
    message = wire.envelope(data)
    assert isinstance(message, UserMessage)
    assert Engine(OURS, 7, 90.0).admits(message, 100.0) is admitted
    assert not Engine(OURS, 8, 90.0).admits(message, 100.0)


# -- queues ----------------------------------------------------------------------------------------------


def waiting(at_s: float, inform: bytes | None = None, answered: list[bytes] | None = None) -> Waiting:
    note = Notification(at_s=at_s, source="192.0.2.1", trap="1.3", varbinds={}, authenticated=False)
    told = answered if answered is not None else []
    return Waiting(notification=note, inform=inform, answer=lambda: told.append(inform or b""))


def test_an_inform_is_answered_when_it_is_taken() -> None:
    mine, answered = Subscription(sender(COMMUNITY), Window()), list[bytes]()
    assert mine.put(waiting(1.0, b"a", answered))
    assert mine.state_of(b"a", 1.0) is False
    assert mine.take() is not None
    assert answered == [b"a"]
    assert mine.state_of(b"a", 1.0) is True
    assert mine.state_of(b"a", 152.0) is None
    assert mine.take() is None


def test_the_oldest_goes_first_and_its_inform_is_forgotten() -> None:
    mine = Subscription(sender(COMMUNITY), Window())
    assert mine.put(waiting(0.0, b"a"))
    kept = [mine.put(waiting(float(n))) for n in range(1, UNREAD_MOST + 1)]
    assert kept == [True] * (UNREAD_MOST - 1) + [False]
    assert mine.state_of(b"a", 0.0) is None
    first = mine.take()
    assert first is not None
    assert first.at_s == 1.0


def test_the_log_names_few_of_many() -> None:
    told = Told()
    assert told.may("x", "192.0.2.1", 0.0)
    assert not told.may("x", "192.0.2.2", 9.0)
    assert told.may("x", "192.0.2.2", 10.0)
    assert not told.may("x", "192.0.2.1", 100.0)
    assert told.may("x", "192.0.2.1", 3601.0)
    for n in range(1000):
        told.may("x", str(n), 10_000.0 + 10 * n)
    assert len(told._at_s) == 256


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("no address", "no address"),
    ],
)
def test_one_spelling_of_an_address(given: str, plain: str) -> None:
    assert plain_address(given) == plain
