"""The trap listener on the loopback interface: real datagrams, of ours, of pysnmp and of net-snmp."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import peers
import pytest
import structlog
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    NotificationType,
    ObjectIdentity,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    send_notification,
    usmAesBlumenthalCfb192Protocol,
    usmAesBlumenthalCfb256Protocol,
    usmAesCfb128Protocol,
    usmHMAC128SHA224AuthProtocol,
    usmHMAC192SHA256AuthProtocol,
    usmHMAC256SHA384AuthProtocol,
    usmHMAC384SHA512AuthProtocol,
    usmHMACMD5AuthProtocol,
    usmHMACSHAAuthProtocol,
)
from pysnmp.proto.rfc1902 import Integer32, OctetString
from traps_rig import (
    BOOTS,
    LOGINS,
    MORE,
    OURS,
    RADAR,
    THEIRS,
    USER,
    Ear,
    ear,
    pdu,
    sender,
    v1,
    v2c,
    v3,
)

from drivers.transport import ber
from drivers.transport import traps_message as wire
from drivers.transport.traps import WAITING_MOST_EACH
from drivers.transport.traps_message import AUTH, PRIV, REPORTABLE
from drivers.transport.traps_queue import UNREAD_MOST, Outcome
from drivers.transport.traps_socket import TrapsUnusable, listening
from inventory.credentials import Secret
from inventory.snmp_login import AuthProtocol, PrivProtocol, SnmpLogin

net_snmp = pytest.mark.skipif(peers.found("snmptrap") is None, reason=peers.needs("snmptrap"))
AUTHS = {
    AuthProtocol.MD5: usmHMACMD5AuthProtocol,
    AuthProtocol.SHA1: usmHMACSHAAuthProtocol,
    AuthProtocol.SHA224: usmHMAC128SHA224AuthProtocol,
    AuthProtocol.SHA256: usmHMAC192SHA256AuthProtocol,
    AuthProtocol.SHA384: usmHMAC256SHA384AuthProtocol,
    AuthProtocol.SHA512: usmHMAC384SHA512AuthProtocol,
}
PRIVS = {
    PrivProtocol.AES128: usmAesCfb128Protocol,
    PrivProtocol.AES192: usmAesBlumenthalCfb192Protocol,
    PrivProtocol.AES256: usmAesBlumenthalCfb256Protocol,
}


def story(tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(tell())


# -- v1 and v2c ------------------------------------------------------------------------------------------


def test_a_v2c_trap_is_heard_but_proves_nothing() -> None:
    async def tell() -> None:
        async with ear(sender()) as mine:
            mine.send(v2c(pdu()))
            heard = await mine.next()
            assert (heard.trap, heard.varbinds, heard.source) == (RADAR, MORE, "127.0.0.1")
            assert heard.uptime_s == 42.0
            assert not heard.authenticated

    story(tell)


def test_a_v1_trap_bears_the_oid_of_rfc_3584() -> None:
    async def tell() -> None:
        async with ear(sender()) as mine:
            mine.send(v1("1.3.6.1.4.1.14179.2.6.3", 6, 81), v1("1.3.6.1.4.1.9", 2, 0))
            assert (await mine.next()).trap == "1.3.6.1.4.1.14179.2.6.3.0.81"
            assert (await mine.next()).trap == "1.3.6.1.6.3.1.1.5.3"

    story(tell)


def test_a_wrong_community_is_counted_and_told_once() -> None:
    async def tell() -> None:
        with structlog.testing.capture_logs() as lines:
            async with ear(sender()) as mine:
                mine.send(*[v2c(pdu(), "hush-husH")] * 3, v2c(pdu(), ""))
                await mine.counted(Outcome.WRONG_CREDENTIALS, 4)
                assert mine.heard.empty()
        assert [line["source"] for line in lines if line["event"] == "traps.dropped"] == ["127.0.0.1"]

    story(tell)


def test_a_community_is_no_credential_for_a_device_with_a_user() -> None:
    async def tell() -> None:
        async with ear(sender(USER)) as mine:
            mine.send(v2c(pdu(), "rrm"), v2c(pdu(), ""))
            await mine.counted(Outcome.WRONG_CREDENTIALS, 2)

    story(tell)


def test_an_unknown_sender_is_dropped_unread() -> None:
    async def tell() -> None:
        async with ear(sender(addresses=frozenset({"192.0.2.7"}))) as mine:
            mine.send(v2c(pdu()), b"garbage")
            await mine.counted(Outcome.UNKNOWN_SENDER, 2)
            assert mine.listener.counts[Outcome.MALFORMED] == 0

    story(tell)


def test_two_devices_of_one_address_are_told_apart_by_their_communities() -> None:
    async def tell() -> None:
        other = SnmpLogin(community=Secret("other"))
        async with ear(sender(), sender(other, device="second")) as mine:
            mine.send(v2c(pdu(), "other"))
            async with asyncio.timeout(10):
                device, _ = await mine.heard.get()
            assert device == "second"

    story(tell)


def test_ipv6_and_ipv4_by_one_socket() -> None:
    async def tell() -> None:
        async with ear(sender(addresses=frozenset({"::1", "127.0.0.1"})), host="::") as mine:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as out:
                out.sendto(v2c(pdu()), ("::1", mine.port))
            assert (await mine.next()).source == "::1"
            mine.send(v2c(pdu()))
            assert (await mine.next()).source == "127.0.0.1"

    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on the loopback interface here")
    story(tell)


def test_a_trap_without_meaning_does_not_wait_for_the_device() -> None:
    async def tell() -> None:
        async with ear(sender(traps=frozenset({RADAR}))) as mine:
            mine.send(v2c(pdu("1.3.6.1.4.1.14179.2.6.3.53")), v1("1.3.6.1.4.1.14179.2.6.3", 6, 81))
            assert (await mine.next()).trap.endswith(".0.81")
            assert mine.listener.counts[Outcome.NO_MEANING] == 1

    story(tell)


def test_a_flood_of_one_address_leaves_room_for_the_next() -> None:
    """All is sent before the listener's turn comes; it reads faster than it makes out."""

    async def tell() -> None:
        quiet = sender(device="quiet", addresses=frozenset({"127.0.0.2"}))
        async with ear(sender(device="loud"), quiet) as mine:
            many = {f"1.3.6.1.2.1.1.9.{n}": n for n in range(100)}
            mine.send(*[v2c(pdu(values=many))] * WAITING_MOST_EACH)
            mine.send(v2c(pdu()), source="127.0.0.2")
            heard = [await mine.next()]
            while heard[-1].source != "127.0.0.2":
                heard.append(await mine.next())
            assert len(heard) < WAITING_MOST_EACH // 2

    story(tell)


def test_a_slow_device_gets_the_newest_and_what_it_missed_is_counted() -> None:
    async def tell() -> None:
        async with ear() as mine:
            stream = mine.listener.subscribe(sender())
            first = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            mine.send(v2c(pdu()))
            await first
            mine.send(*[v2c(pdu(values={"1.3.6.1.2.1.1.9": n})) for n in range(UNREAD_MOST + 10)])
            await mine.counted(Outcome.UNREAD, 10)
            heard = await anext(stream)
            assert heard.varbinds == {"1.3.6.1.2.1.1.9": 10}
            await stream.aclose()
            mine.send(v2c(pdu()))
            await mine.counted(Outcome.UNKNOWN_SENDER)

    story(tell)


# -- informs ---------------------------------------------------------------------------------------------


def test_a_v2c_inform_is_answered_when_it_was_taken_and_again_when_it_comes_again() -> None:
    async def tell() -> None:
        async with ear(sender()) as mine:
            inform = v2c(pdu(inform=True, request=77))
            first = await mine.ask(inform)
            assert first is not None
            at = first.index(bytes((wire.RESPONSE,)))
            assert first == inform[:at] + bytes((wire.RESPONSE,)) + inform[at + 1 :]
            assert await mine.ask(inform) == first
            await mine.next()
            assert mine.heard.empty()
            assert mine.listener.counts[Outcome.REPEATED] == 1

    story(tell)


def test_an_inform_that_nobody_took_is_not_answered() -> None:
    async def tell() -> None:
        async with ear() as mine:
            stream = mine.listener.subscribe(sender())
            first = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            mine.send(v2c(pdu()))
            await first  # and no more is asked for
            assert await mine.ask(v2c(pdu(inform=True, request=9)), answer_s=0.2) is None
            assert await mine.ask(v2c(pdu(inform=True, request=9)), answer_s=0.2) is None
            answered = asyncio.ensure_future(mine.ask(v2c(pdu(inform=True, request=10))))
            assert (await anext(stream)).trap == RADAR
            await anext(stream)
            assert await answered is not None
            await stream.aclose()

    story(tell)


def test_an_inform_that_made_room_for_newer_ones_comes_again_as_new() -> None:
    async def tell() -> None:
        async with ear() as mine:
            stream = mine.listener.subscribe(sender())
            first = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            mine.send(v2c(pdu()))
            await first
            mine.send(v2c(pdu(inform=True, request=5)), *[v2c(pdu())] * UNREAD_MOST)
            await mine.counted(Outcome.UNREAD)
            mine.send(v2c(pdu(inform=True, request=5)))
            await mine.counted(Outcome.UNREAD, 2)
            assert mine.listener.counts[Outcome.REPEATED] == 0
            await stream.aclose()

    story(tell)


# -- v3 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [AUTH, AUTH | PRIV])
def test_a_v3_trap_with_authentication_is_proven(flags: int) -> None:
    async def tell() -> None:
        async with ear(sender(USER)) as mine:
            mine.send(v3(pdu(), flags=flags))
            heard = await mine.next()
            assert heard.authenticated
            assert (heard.trap, heard.varbinds) == (RADAR, MORE)

    story(tell)


def refused(outcome: Outcome, *datagrams: bytes, login: SnmpLogin = USER) -> None:
    """The last one comes to this, and the device hears only what came before."""

    async def tell() -> None:
        async with ear(sender(login)) as mine:
            *before, last = datagrams
            mine.send(*before)
            for _ in before:
                await mine.next()
            mine.send(last)
            await mine.counted(outcome)
            assert mine.heard.empty()

    story(tell)


def test_v3_of_another_password_is_refused() -> None:
    login = SnmpLogin(user="rrm", auth_password=Secret("auth-passworD"), priv_password=USER.priv_password)
    refused(Outcome.WRONG_CREDENTIALS, v3(pdu(), login))


def test_v3_of_another_user_is_refused() -> None:
    login = SnmpLogin(user="rrn", auth_password=USER.auth_password, priv_password=USER.priv_password)
    refused(Outcome.WRONG_CREDENTIALS, v3(pdu(), login))


def test_v3_without_authentication_is_no_way_around_it() -> None:
    refused(Outcome.WRONG_CREDENTIALS, v3(pdu(), flags=0))


def test_v3_of_an_engine_that_was_not_polled_is_refused() -> None:
    refused(Outcome.UNKNOWN_ENGINE, v3(pdu(), engine_id=b"\x80\0\0\0\x05another"))


def test_v3_of_an_engine_not_yet_polled_is_refused() -> None:
    async def tell() -> None:
        async with ear(sender(USER, engine_id=None)) as mine:
            mine.send(v3(pdu()))
            await mine.counted(Outcome.UNKNOWN_ENGINE)

    story(tell)


def test_one_flipped_bit_anywhere_is_refused() -> None:
    good = v3(pdu())

    async def tell() -> None:
        async with ear(sender(USER)) as mine:
            for at in range(len(good)):
                mine.send(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :])
                if at % 64 == 0:
                    await asyncio.sleep(0)
            await mine.counted_in_all(len(good))
            assert mine.listener.counts[Outcome.TAKEN] == 0
            mine.send(good)
            assert (await mine.next()).authenticated

    story(tell)


def test_the_same_v3_trap_twice_is_a_replay() -> None:
    once = v3(pdu())
    refused(Outcome.REPLAYED, once, once)


def test_a_v3_trap_of_more_than_150_s_ago_is_refused() -> None:
    refused(Outcome.NOT_IN_TIME_WINDOW, v3(pdu(), time_s=1000), v3(pdu(), time_s=1000 - 151, id=2))


def test_a_v3_trap_of_before_the_restart_is_refused() -> None:
    refused(
        Outcome.NOT_IN_TIME_WINDOW,
        v3(pdu(), boots=BOOTS + 1, time_s=5),
        v3(pdu(), boots=BOOTS, time_s=9000, id=2),
    )


def test_v3_traps_out_of_order_and_after_a_restart_are_heard() -> None:
    async def tell() -> None:
        async with ear(sender(USER)) as mine:
            mine.send(v3(pdu(), time_s=1000), v3(pdu(), time_s=900, id=2))
            mine.send(v3(pdu(), boots=BOOTS + 1, time_s=1, id=3))
            for _ in range(3):
                assert (await mine.next()).authenticated

    story(tell)


def test_a_reconnect_forgets_no_replay() -> None:
    async def tell() -> None:
        async with ear() as mine:
            for outcome in (Outcome.TAKEN, Outcome.REPLAYED):
                stream = mine.listener.subscribe(sender(USER))
                asking = asyncio.ensure_future(anext(stream))
                await asyncio.sleep(0)
                mine.send(DATAGRAM)
                await mine.counted(outcome)
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
                await stream.aclose()

    story(tell)


def test_a_device_of_two_sites_is_heard_at_both_and_replayed_at_none() -> None:
    async def tell() -> None:
        async with ear(sender(USER, device="north"), sender(USER, device="south")) as mine:
            mine.send(DATAGRAM, DATAGRAM)
            async with asyncio.timeout(10):
                heard = [await mine.heard.get(), await mine.heard.get()]
            assert {device for device, _ in heard} == {"north", "south"}
            await mine.counted(Outcome.REPLAYED)
            assert mine.heard.empty()

    story(tell)


def test_two_devices_of_one_user_name_have_each_its_own_password() -> None:
    async def tell() -> None:
        other = SnmpLogin(
            user="rrm", auth_password=Secret("another-password"), priv_password=USER.priv_password
        )
        async with ear(sender(USER, device="north"), sender(other, device="south")) as mine:
            mine.send(v3(pdu(), other))
            async with asyncio.timeout(10):
                device, heard = await mine.heard.get()
            assert device == "south"
            assert heard.authenticated

    story(tell)


DATAGRAM = v3(pdu())


def test_a_user_without_a_password_proves_nothing() -> None:
    async def tell() -> None:
        login = SnmpLogin(user="guest")
        async with ear(sender(login)) as mine:
            mine.send(v3(pdu(), login, flags=0))
            assert not (await mine.next()).authenticated

    story(tell)


def test_a_proof_of_a_user_who_has_none_is_refused() -> None:
    signed = v3(pdu(), SnmpLogin(user="guest", auth_password=Secret("auth-password")), flags=AUTH)
    refused(Outcome.WRONG_CREDENTIALS, signed, login=SnmpLogin(user="guest"))


def test_a_v3_inform_for_our_engine_must_be_in_our_time() -> None:
    async def tell() -> None:
        async with ear(sender(USER)) as mine:
            late = v3(pdu(inform=True), flags=AUTH | PRIV | REPORTABLE, engine_id=OURS, boots=BOOTS - 1)
            report = await mine.ask(late)
            assert report is not None
            told = wire.envelope(report)
            assert isinstance(told, wire.UserMessage)
            assert (told.engine_id, told.boots, told.signed) == (OURS, BOOTS, True)
            assert ber.of_oid("1.3.6.1.6.3.15.1.1.2.0") in report
            assert mine.listener.counts[Outcome.NOT_IN_TIME_WINDOW] == 1
            good = v3(pdu(inform=True), flags=AUTH | PRIV, engine_id=OURS, boots=BOOTS, time_s=0)
            assert await mine.ask(good) is not None
            await mine.next()

    story(tell)


def test_a_trap_cannot_pose_as_ours() -> None:
    refused(Outcome.MALFORMED, v3(pdu(), engine_id=OURS, boots=BOOTS, time_s=0))


# -- pysnmp, as a peer -----------------------------------------------------------------------------------


async def pysnmp_sends(mine: Ear, who: Any, kind: str, engine: SnmpEngine) -> None:
    target = await UdpTransportTarget.create(("127.0.0.1", mine.port), timeout=5, retries=0)
    note = NotificationType(ObjectIdentity(RADAR)).add_varbinds(
        ("1.3.6.1.4.1.14179.2.2.2.1.4.0.1", Integer32(100)),
        ("1.3.6.1.4.1.14179.2.2.1.1.3.1", OctetString("lobby")),
    )
    error, status, _, _ = await send_notification(engine, who, target, ContextData(), kind, note)
    assert not error, error
    assert not status


WHAT = {"1.3.6.1.4.1.14179.2.2.2.1.4.0.1": 100, "1.3.6.1.4.1.14179.2.2.1.1.3.1": b"lobby"}


@pytest.mark.parametrize("version", [0, 1])
def test_pysnmp_with_a_community(version: int) -> None:
    async def tell() -> None:
        engine = SnmpEngine()
        async with ear(sender()) as mine:
            for kind in ("trap", "inform") if version else ("trap",):
                await pysnmp_sends(mine, CommunityData("hush-hush", mpModel=version), kind, engine)
                assert (await mine.next()).varbinds == WHAT
        engine.close_dispatcher()

    story(tell)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pysnmp leaves a file open
@pytest.mark.parametrize("login", LOGINS, ids=lambda login: str(login.user))
def test_pysnmp_with_a_user(login: SnmpLogin) -> None:
    async def tell() -> None:
        engine = SnmpEngine(snmpEngineID=OctetString(THEIRS))
        who = UsmUserData(
            login.user,
            "auth-password",
            "priv-password",
            authProtocol=AUTHS[login.auth_protocol],
            privProtocol=PRIVS[login.priv_protocol],
        )
        async with ear(sender(login)) as mine:
            for kind in ("trap", "inform"):
                await pysnmp_sends(mine, who, kind, engine)
                heard = await mine.next()
                assert heard.authenticated
                assert heard.varbinds == WHAT
        engine.close_dispatcher()

    story(tell)


# -- net-snmp, as a peer ---------------------------------------------------------------------------------


async def net_snmp_sends(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *command, "", RADAR, *MORE, "i", "100", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return await process.wait()


V3_ARGUMENTS = (
    "-v3",
    "-u",
    "rrm",
    "-a",
    "SHA-256",
    "-A",
    "auth-password",
    "-x",
    "AES",
    "-X",
    "priv-password",
)


@net_snmp
@pytest.mark.parametrize("program", ["snmptrap", "snmpinform"])
@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_net_snmp(program: str, version: str) -> None:
    async def tell() -> None:
        async with ear(sender(), sender(USER)) as mine:
            arguments = ["-v2c", "-c", "hush-hush"]
            if version == "v3":
                engine = ("-e", "0x" + THEIRS.hex()) if program == "snmptrap" else ()
                arguments = [*V3_ARGUMENTS, "-l", "authPriv", *engine]
            target = f"127.0.0.1:{mine.port}"
            assert await net_snmp_sends(program, *arguments, "-r", "0", "-t", "5", target) == 0
            heard = await mine.next()
            assert (heard.trap, heard.varbinds) == (RADAR, MORE)
            assert heard.authenticated is (version == "v3")

    story(tell)


# -- where it listens ------------------------------------------------------------------------------------


@contextmanager
def taken() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        yield other.getsockname()[1]


def test_a_taken_port_says_so() -> None:
    with taken() as port, pytest.raises(TrapsUnusable, match=f"127.0.0.1:{port}: .*in use"):
        listening("127.0.0.1", port)


def test_the_kernel_holds_a_burst() -> None:
    """What it can: net.core.rmem_max is the limit of an unprivileged process; it counts double."""
    (mine,) = listening("127.0.0.1", 0)
    with mine, open("/proc/sys/net/core/rmem_max") as limit:
        most = int(limit.read())
        assert mine.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= min(8 << 20, most)


def test_what_the_kernel_has_no_room_for_is_counted() -> None:
    async def tell() -> None:
        async with ear(sender(), room=4096) as mine:
            mine.send(*[v2c(pdu())] * 500)
            await mine.next()
            lost = mine.listener.counts[Outcome.BUFFER_FULL]
            assert 0 < lost < 500
            await mine.counted(Outcome.TAKEN, 500 - lost)

    story(tell)
