"""ubus over HTTP, HTTPS and SSH, against an AP on loopback: sessions, rights, silence, garbage, identity."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from integration.openwrt_peer import R2, R5, Peer, http_peer, https_peer, login, ssh_peer
from integration.sshd import NEEDS_SSHD, SSHD

from drivers.errors import (
    AuthenticationFailed,
    DeviceTimeout,
    Disconnected,
    Garbage,
    IdentityChanged,
    IdentityUnknown,
    PersonNeeded,
)
from drivers.openwrt.driver import OpenWrtDevice, family
from drivers.openwrt.ubus import ATTACHED, AccessDenied, Call, Limits, ObjectGone, StatusRefused, Ubus
from drivers.openwrt.ubus_http import HttpUbus
from drivers.openwrt.uci import Change, Uci
from drivers.transport.rest import ANSWER_LIMIT, RestTarget
from drivers.types import Absence, Edit, RadioState, ScopeRef, Setting, Table
from inventory.credentials import parse_login

T = TypeVar("T")
STATUS = frozenset({Table.STATUS})
GET = ("hostapd.phy0-ap0", "get_status")


@pytest.fixture
def peer() -> Iterator[Peer]:
    with http_peer() as running:
        yield running


def told(peer: Peer, story: Callable[[Ubus], Awaitable[T]], user: str | None = None, **options: Any) -> T:
    """What the story returns, told to an open session that is closed after it."""

    async def tell() -> T:
        device = family.device(peer.context(user=user, **options))
        assert isinstance(device, OpenWrtDevice)
        ubus = device._ubus
        await ubus.open()
        try:
            return await story(ubus)
        finally:
            await ubus.close()

    return asyncio.run(tell())


def read(peer: Peer, tables: frozenset[Table] = STATUS, **options: Any) -> Any:
    """(info, snapshot) of a device that is opened for it."""

    async def tell() -> Any:
        device = family.device(peer.context(**options))
        info = await device.open()
        try:
            return info, await device.read(tables, None)
        finally:
            await device.close()

    return asyncio.run(tell())


# -- sessions and rights -----------------------------------------------------------------------------


def test_an_expired_session_is_renewed_and_the_call_repeated_once(peer: Peer) -> None:
    async def story(ubus: Ubus) -> None:
        peer.ap.expire()
        assert (await ubus.call(*GET))["status"] == "ENABLED"

    told(peer, story)
    assert peer.ap.logins == 2


def test_a_write_in_an_expired_session_is_done_once(peer: Peer) -> None:
    async def story(ubus: Ubus) -> int:
        before = ubus.logins
        peer.ap.expire()
        values = {"config": "wireless", "section": "radio0", "values": {"txpower": "11"}}
        await ubus.call("uci", "set", values)
        return ubus.logins - before

    assert told(peer, story) == 1
    assert [method for _, method, _ in peer.ap.written] == ["set"]


def test_a_missing_right_is_told_from_an_expired_session_and_does_not_log_in_again_and_again(
    peer: Peer,
) -> None:
    async def story(ubus: Ubus) -> None:
        for _ in range(3):
            with pytest.raises(AccessDenied, match="ACL"):
                await ubus.call("uci", "apply", {"rollback": False})

    told(peer, story, user="look")
    assert peer.ap.logins == 2
    assert peer.ap.written == []


def test_calls_at_the_same_time_share_one_new_login(peer: Peer) -> None:
    async def story(ubus: Ubus) -> None:
        peer.ap.expire()
        await asyncio.gather(*(ubus.call(*GET) for _ in range(6)))

    told(peer, story)
    assert peer.ap.logins == 2


def test_of_a_batch_only_what_was_denied_is_asked_again(peer: Peer) -> None:
    async def story(ubus: Ubus) -> None:
        peer.ap.expire()
        first, second = await ubus.batch(
            (Call(object="nosuch", method="x"), Call(object=GET[0], method=GET[1]))
        )
        assert isinstance(first.error, ObjectGone)
        assert second.result()["status"] == "ENABLED"

    told(peer, story)


def test_a_wrong_password_needs_a_person(peer: Peer) -> None:
    ubus = HttpUbus(
        RestTarget(name="ap1", host="127.0.0.1", port=peer.server.server_port, tls=False),
        parse_login(login("rrmd", "wrong")),
        Limits(),
    )
    with pytest.raises(AuthenticationFailed, match="rrmd"):
        asyncio.run(ubus.open())


def test_the_shipped_acl_files_suffice_and_a_monitor_may_set_nothing(peer: Peer) -> None:
    info, snapshot = read(peer, frozenset(Table) - {Table.COUNTERS, Table.NEIGHBORS}, user="look")
    assert info.capabilities.settings == {}
    assert snapshot.missing == {}
    assert snapshot.readings[R5].nop_mhz == frozenset()
    info, _ = read(peer, user="rrmd")
    assert Setting.CHANNEL in info.capabilities.settings


def test_with_fewer_rights_less_is_declared_and_the_rest_works(peer: Peer) -> None:
    info, snapshot = read(peer, frozenset(Table) - {Table.COUNTERS, Table.NEIGHBORS}, user="lean")
    able = info.capabilities
    assert set(able.settings) == set(Setting) - {Setting.OBSS_PD_DBM}
    assert (able.signals, able.signal_ways) == (False, ())
    assert snapshot.missing == {}
    assert snapshot.readings[R5].nop_mhz is None
    assert info.identity == "Synthetic AP lab-ap"


def test_the_obss_pd_level_is_the_one_that_uci_has(peer: Peer) -> None:
    with peer.ap.bus.lock:
        options = {"he_spr_sr_control": "0", "he_spr_non_srg_obss_pd_max_offset": "6"}
        peer.ap.uci.file["radio0"] |= options
    _, snapshot = read(peer)
    assert snapshot.readings[R5].obss_pd_dbm.value == -76
    assert snapshot.readings[R5].obss_pd_dbm.source == "uci"


def test_a_user_without_any_acl_file_is_told_what_is_missing(peer: Peer) -> None:
    """openwrt.md: root too gets what files in acl.d grant."""
    peer.ap.uci.file["radio0"]["channel"] = "36"
    with pytest.raises(AccessDenied, match=r"docs/openwrt.md"):
        read(peer, user="nobody-granted")


# -- silence and garbage -------------------------------------------------------------------------------


def test_a_call_that_hangs_because_its_object_went_away_costs_seconds_and_its_radio_only(peer: Peer) -> None:
    async def tell() -> Any:
        device = family.device(peer.context(call_timeout_s=0.5))
        await device.open()
        peer.ap.hanging.add("hostapd.phy0-ap0")
        before_s = time.monotonic()
        snapshot = await device.read(STATUS, None)
        took_s = time.monotonic() - before_s
        await device.close()
        return snapshot, took_s

    snapshot, took_s = asyncio.run(tell())
    assert set(snapshot.readings) == {R5, R2}
    assert took_s < 5.0


def test_what_always_hangs_costs_its_own_radio_only(peer: Peer) -> None:
    async def tell() -> Any:
        device = family.device(peer.context(call_timeout_s=0.5))
        await device.open()
        peer.ap.stuck = ("iwinfo", "survey", "phy0-ap0")
        snapshot = await device.read(STATUS | {Table.SURVEY}, None)
        await device.close()
        return snapshot

    snapshot = asyncio.run(tell())
    assert set(snapshot.readings) == {R2}
    assert snapshot.missing == {R5: Absence.TIMEOUT}


def test_what_hung_the_last_time_is_asked_once_and_apart(peer: Peer) -> None:
    asked = (Call(object=GET[0], method=GET[1]), Call(object="hostapd.phy1-ap0", method=GET[1]))

    async def story(ubus: Ubus) -> tuple[list[float], list[int]]:
        took_s, right = [], []
        for stuck in (True, True, False, False):
            peer.ap.stuck = (*GET, None) if stuck else None
            before_s = time.monotonic()
            answers = await ubus.batch(asked)
            took_s.append(time.monotonic() - before_s)
            right.append(sum(each.error is None for each in answers))
        return took_s, right

    took_s, right = told(peer, story, call_timeout_s=1.0)
    assert right == [1, 1, 2, 2]
    assert 1.0 <= took_s[1] < 1.9, "once"
    assert took_s[3] < 1.0


def test_a_connection_that_ended_while_it_was_idle_is_made_again(peer: Peer) -> None:
    """uhttpd ends one after 20 s; polls are further apart."""

    async def story(ubus: Ubus) -> None:
        await ubus.batch((Call(object=GET[0], method=GET[1]),))
        await asyncio.to_thread(peer.server.hang_up)
        (answer,) = await ubus.batch((Call(object=GET[0], method=GET[1]),))
        assert answer.result()["status"] == "ENABLED"

    told(peer, story)


def test_close_ends_a_call_that_hangs(peer: Peer) -> None:
    async def story(ubus: Ubus) -> float:
        peer.ap.hanging.add(GET[0])
        hanging = asyncio.ensure_future(ubus.call(*GET, timeout_s=60.0))
        await asyncio.to_thread(_wait_until, lambda: not peer.ap.hanging)
        before_s = time.monotonic()
        await ubus.close()
        with pytest.raises(Disconnected):
            await hanging
        return time.monotonic() - before_s

    assert told(peer, story) < 2.0


def test_close_takes_the_other_sessions_along(peer: Peer) -> None:
    """An apply stages in a session of its own: it must not land after close either."""

    async def story(ubus: Ubus) -> None:
        other = ubus.beside()
        await other.open()
        await ubus.close()
        with pytest.raises(Disconnected):
            await other.call("uci", "apply", {"rollback": True, "timeout": 20})

    told(peer, story)
    assert peer.ap.written == []


async def nothing_is_written_after_close(ubus: Ubus) -> None:
    """A task that outlives `close` has a session beside the closed one, or makes one now."""
    earlier, open_already = ubus.beside(), ubus.beside()
    await open_already.open()
    await ubus.close()
    for late in (earlier, ubus.beside()):
        with pytest.raises(Disconnected):
            await late.open()
    with pytest.raises(Disconnected):
        await open_already.resume()
    await ubus.open()
    with pytest.raises(Disconnected):
        await earlier.open()  # it belongs to what was closed
    await open_already.resume()  # a receipt outlives that


def test_after_close_no_session_beside_it_can_be_opened(peer: Peer) -> None:
    told(peer, nothing_is_written_after_close)


def test_an_apply_that_outlives_close_writes_nothing(peer: Peer) -> None:
    """Seen: closed while it tidied up after the apply before, it logged in again and applied."""

    async def story(ubus: Ubus) -> None:
        uci = Uci("ap1")
        change = Change(section="radio0", values={"txpower": "10"})
        await uci.apply(ubus, change, 600.0, 0.0)
        with peer.ap.bus.lock:
            peer.ap.uci.confirm(peer.ap.uci.pending.session if peer.ap.uci.pending else "")
            peer.ap.stuck = ("uci", "revert", None)
        late = asyncio.create_task(
            uci.apply(ubus, Change(section="radio0", values={"txpower": "5"}), None, 601.0)
        )
        reached = peer.ap.hung.wait
        assert await asyncio.to_thread(reached, 5)
        await ubus.close()
        await ubus.open()  # as a lane does at once
        with pytest.raises(Disconnected):
            await late

    told(peer, story)
    assert peer.ap.uci.file["radio0"]["txpower"] == "10"


def test_an_apply_is_confirmed_after_the_device_was_opened_again(peer: Peer) -> None:
    """The right to confirm is the session's, not the connection's."""

    async def tell() -> None:
        device = family.device(peer.context())
        await device.open()
        scope = ScopeRef(kind="radio", name="phy0-ap0", members=(R5,))
        edit = Edit(change_id="c", scope=scope, set={Setting.TX_POWER_DBM: 12})
        receipt = await device.apply(edit, 600.0)
        assert receipt.undo_armed
        await device.close()
        await device.open()
        await device.confirm(receipt)
        assert (await device.read_config(scope)).configured[Setting.TX_POWER_DBM] == 12
        await device.close()

    asyncio.run(tell())
    assert peer.ap.uci.pending is None
    assert peer.ap.uci.rollbacks == 0


def test_a_cancelled_call_sends_nothing_more_and_the_session_must_be_opened_again(peer: Peer) -> None:
    async def story(ubus: Ubus) -> None:
        peer.ap.hanging.add(GET[0])
        hanging = asyncio.ensure_future(ubus.call(*GET, timeout_s=60.0))
        await asyncio.to_thread(_wait_until, lambda: not peer.ap.hanging)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        with pytest.raises(Disconnected):
            await ubus.call("system", "board")
        await ubus.open()
        await ubus.call("system", "board")

    told(peer, story)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"jsonrpc":"2.0","id":1,"result":[0,{"stolen":1}]}',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}',
        b"[" * 50_000,
        b"x" * (ANSWER_LIMIT + 1),
    ],
    ids=["html", "nothing", "another id", "parse error", "deep", "long"],
)
def test_garbage_is_garbage_and_the_session_survives_it(peer: Peer, body: bytes) -> None:
    async def story(ubus: Ubus) -> None:
        peer.server.mangle = body
        with pytest.raises(Garbage):
            await ubus.call("system", "board")
        peer.server.mangle = None
        assert (await ubus.call("system", "board"))["hostname"] == "lab-ap"

    told(peer, story)


def test_garbage_for_a_poll_is_no_reading(peer: Peer) -> None:
    async def tell() -> None:
        device = family.device(peer.context())
        await device.open()
        peer.server.mangle = b"{}"
        with pytest.raises(Garbage):
            await device.read(STATUS, None)
        await device.close()

    asyncio.run(tell())


def test_many_calls_go_in_bodies_that_uhttpd_takes(peer: Peer) -> None:
    async def story(ubus: Ubus) -> None:
        call = Call(object="iwinfo", method="info", args={"device": "phy0-ap0", "pad": "x" * 2000})
        answers = await ubus.batch([call] * 90)
        assert all(each.result()["frequency"] == 5180 for each in answers)

    told(peer, story)
    assert max(peer.server.bodies) < 65536


@contextmanager
def dripping(head: bytes, drop: bytes) -> Iterator[int]:
    """A server that never ends its answer; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head)
                stopped = threading.Event()
                while not stopped.wait(0.02):
                    try:
                        connection.sendall(drop)
                    except OSError:
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    ],
    ids=["chunks", "body", "head"],
)
def test_an_answer_that_drips_for_ever_ends_in_time(head: bytes, drop: bytes) -> None:
    async def tell(port: int) -> float:
        target = RestTarget(name="ap1", host="127.0.0.1", port=port, tls=False, connect_timeout_s=0.5)
        ubus = HttpUbus(target, parse_login(login("rrmd")), Limits(call_s=0.3))
        before_s = time.monotonic()
        with pytest.raises((DeviceTimeout, Disconnected)):
            await ubus.open()
        return time.monotonic() - before_s

    with dripping(head, drop) as port:
        assert asyncio.run(tell(port)) < 6.0


def _wait_until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10.0
    while not true() and time.monotonic() < end_s:
        threading.Event().wait(0.01)


# -- identity ------------------------------------------------------------------------------------------


def test_a_pinned_certificate_is_the_identity(tmp_path: Path) -> None:
    with https_peer(tmp_path) as peer:
        info, _ = read(peer)
    assert info.identity == peer.proof["tls_fingerprint"]


def test_another_certificate_than_the_pinned_one_gets_no_password(tmp_path: Path) -> None:
    with https_peer(tmp_path) as peer:
        with pytest.raises(IdentityChanged, match=str(peer.proof["tls_fingerprint"])):
            read(peer, tls_fingerprint="ab" * 32)
        assert peer.ap.logins == 0


def test_a_certificate_that_nobody_vouches_for_is_shown(tmp_path: Path) -> None:
    with https_peer(tmp_path) as peer:
        with pytest.raises(IdentityUnknown, match=f"tls_fingerprint: '{peer.proof['tls_fingerprint']}'"):
            read(peer, tls_fingerprint=None)
        assert peer.ap.logins == 0


def test_a_ca_file_vouches_and_the_identity_is_the_aps_mac(tmp_path: Path) -> None:
    """A certificate that a CA vouches for is renewed from time to time."""
    with https_peer(tmp_path) as peer:
        info, _ = read(peer, tls_fingerprint=None, ca_file=str(tmp_path / "uhttpd.pem"))
    assert info.identity == "02:00:00:00:00:aa"


def test_a_ca_vouches_for_a_name_only(tmp_path: Path) -> None:
    with https_peer(tmp_path) as peer:
        address = peer.address.replace("127.0.0.1", "localhost")
        with pytest.raises(IdentityUnknown):
            read(peer, address=address, tls_fingerprint=None, ca_file=str(tmp_path / "uhttpd.pem"))
        assert peer.ap.logins == 0


def test_a_ca_file_that_is_none_needs_a_person(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with https_peer(tmp_path) as peer:
        for name in ("empty.pem", "absent.pem"):
            with pytest.raises(PersonNeeded, match=name):
                read(peer, tls_fingerprint=None, ca_file=str(tmp_path / name))


def test_plain_http_over_a_network_has_to_be_asked_for(peer: Peer) -> None:
    with pytest.raises(PersonNeeded, match="insecure_http"):
        family.device(peer.context(address="http://192.0.2.1"))
    family.device(peer.context(address="http://192.0.2.1", insecure_http=True))


# -- silent radios ---------------------------------------------------------------------------------------


def test_a_radio_in_cac_is_read_as_such_and_not_as_lost(peer: Peer) -> None:
    air = peer.ap.airs["radio0"]
    with peer.ap.bus.lock:
        air.down()
        air.state = "CAC"
    _, snapshot = read(peer)
    assert snapshot.readings[R5].state is RadioState.CAC
    assert snapshot.readings[R5].cac_left_s == 42.0
    assert snapshot.readings[R2].state is RadioState.ON_AIR


def test_hostapd_that_comes_after_its_ap_is_asked_anew_what_it_can(peer: Peer) -> None:
    air = peer.ap.airs["radio0"]

    async def story() -> None:
        device = family.device(peer.context())
        await device.open()
        try:
            assert not (await device.read(STATUS, None)).appeared
            air.state = "ENABLED"
            assert (await device.read(STATUS, None)).appeared == {R5}
            await device.open()
            assert not (await device.read(STATUS, None)).appeared
        finally:
            await device.close()

    air.state = "DOWN"
    asyncio.run(story())


def test_where_no_program_may_be_run_the_channel_tells(peer: Peer) -> None:
    air = peer.ap.airs["radio0"]
    with peer.ap.bus.lock:
        peer.ap.programs = False
        air.down()
        air.state, air.config = "CAC", {**air.config, "channel": "52"}
    _, snapshot = read(peer)
    assert snapshot.readings[R5].state is RadioState.CAC
    assert snapshot.readings[R5].nop_mhz is None


def test_a_program_that_is_denied_for_one_interface_is_run_for_others(peer: Peer) -> None:
    async def tell() -> list[str | None]:
        device = family.device(peer.context())
        assert isinstance(device, OpenWrtDevice)
        await device.open()
        try:
            asked = [("hostapd_cli", "-i", "guests", "status"), ("iw", "phy", "phy0", "channels")]
            printed = [await device._reader._printed(*words) for words in asked]
            await device.read_config(ScopeRef(kind="radio", name="r5", members=(R5,)))
            assert device._reader.bases[R5].local.channels is not None
            assert device._reader._denied == {asked[0]}, "it is not tried again and again"
            return printed
        finally:
            await device.close()

    denied, channels = asyncio.run(tell())
    assert denied is None
    assert channels is not None
    assert "5180 MHz" in channels


def test_radar_with_nowhere_to_go_is_a_nop(peer: Peer) -> None:
    air = peer.ap.airs["radio0"]
    with peer.ap.bus.lock:
        air.config = {**air.config, "channel": "52"}
        block = air.configured()
        assert block is not None
        air.block = block
        air.radar()
    _, snapshot = read(peer)
    assert snapshot.readings[R5].state is RadioState.NOP
    assert snapshot.readings[R5].nop_mhz == {5260, 5280, 5300, 5320}


def test_a_radio_that_nobody_has_is_absent(peer: Peer) -> None:
    del peer.ap.airs["radio1"]
    _, snapshot = read(peer)
    assert snapshot.missing == {R2: Absence.ABSENT}


# -- events and the log -----------------------------------------------------------------------------------


def _first_events(peer: Peer, ubus: Ubus, do: Callable[[], None]) -> Awaitable[list[str]]:
    async def listen() -> list[str]:
        kinds = []
        async for event in ubus.subscribe(GET[0]):
            kinds.append(event.kind)
            if event.kind == ATTACHED:
                await asyncio.to_thread(do)
        return kinds

    return listen()


def test_a_subscription_ends_with_its_object_and_is_refused_until_it_is_back(peer: Peer) -> None:
    air = peer.ap.airs["radio0"]

    def switch_and_go() -> None:
        with peer.ap.bus.lock:
            peer.ap.bus.notify(air.name, "channel-switch", ifname=air.ifname, freq=5220)
            air.down()

    async def story(ubus: Ubus) -> None:
        async with asyncio.timeout(10):
            assert await _first_events(peer, ubus, switch_and_go) == [ATTACHED, "channel-switch"]
        with pytest.raises(ObjectGone):
            await _first_events(peer, ubus, switch_and_go)

    told(peer, story)


def test_an_expired_session_is_renewed_for_a_subscription_too(peer: Peer) -> None:
    async def story(ubus: Ubus) -> None:
        peer.ap.expire()
        async with asyncio.timeout(10):
            assert await _first_events(peer, ubus, peer.ap.airs["radio0"].down) == [ATTACHED]

    told(peer, story)


def test_a_denied_subscription_is_http_200_and_denied(peer: Peer) -> None:
    async def story(ubus: Ubus) -> None:
        with pytest.raises(AccessDenied):
            async for _ in ubus.subscribe("uci"):
                pass

    told(peer, story)


def test_the_log_over_http_is_what_came_since(peer: Peer) -> None:
    peer.ap.bus.say("old")

    async def story(ubus: Ubus) -> list[str]:
        lines = []
        async with asyncio.timeout(10):
            async for line in ubus.log():
                lines.append(line)
                if not line:
                    peer.ap.bus.say("hostapd: phy0-ap0: DFS-RADAR-DETECTED freq=5260")
                else:
                    break
        return lines

    assert told(peer, story, log_poll_s=1.0) == ["", "hostapd: phy0-ap0: DFS-RADAR-DETECTED freq=5260"]


# -- over SSH -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with ssh_peer(tmp_path_factory.mktemp("ap")) as running:
        yield running


@pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
class TestOverSsh:
    def test_the_same_is_read(self, far: Peer) -> None:
        info, snapshot = read(far, frozenset(Table) - {Table.COUNTERS})
        assert info.identity == far.proof["host_key"]
        reading = snapshot.readings[R5]
        assert (reading.channel.value, reading.width_mhz.value) == (36, 80)
        assert [each.bssid for each in reading.neighbors] == ["02:00:00:00:09:00"]

    def test_an_absent_object_and_a_status_are_told_apart(self, far: Peer) -> None:
        async def story(ubus: Ubus) -> None:
            with pytest.raises(ObjectGone):
                await ubus.call("hostapd.nosuch", "get_status")
            with pytest.raises(StatusRefused) as caught:
                await ubus.call("iwinfo", "info", {"device": "nosuch"})
            assert caught.value.status == 4

        told(far, story)

    def test_after_close_no_session_beside_it_can_be_opened(self, far: Peer) -> None:
        told(far, nothing_is_written_after_close)

    def test_uci_has_a_session_of_its_own_that_is_renewed(self, far: Peer) -> None:
        values = {"config": "wireless", "section": "radio0", "values": {"txpower": "11"}}
        question = {"config": "wireless", "section": "radio0", "option": "txpower"}

        async def story(ubus: Ubus) -> None:
            await ubus.call("uci", "set", values)
            assert (await ubus.call("uci", "get", question))["value"] == "11"
            other = ubus.beside()
            await other.open()
            with pytest.raises(StatusRefused):
                await other.call("uci", "get", question)
            await other.close()
            before = ubus.logins
            far.ap.expire()
            await ubus.call("uci", "set", values)
            assert ubus.logins == before + 1

        told(far, story)

    def test_events_and_log_lines_come_by_themselves(self, far: Peer) -> None:
        air = far.ap.airs["radio0"]

        async def story(ubus: Ubus) -> None:
            async with asyncio.timeout(20):
                async for event in ubus.subscribe(GET[0]):
                    if event.kind == ATTACHED:
                        await asyncio.to_thread(_wait_until, lambda: air.name in far.ap.bus.subscribers)
                        far.ap.bus.notify(air.name, "disassoc", address="02:00:00:00:02:00")
                    else:
                        assert event.data == {"address": "02:00:00:00:02:00"}
                        break
                async for line in ubus.log():
                    if not line:
                        await asyncio.to_thread(_wait_until, lambda: far.server.followers > 0)
                        air.say("AP-ENABLED")
                    else:
                        assert line == "hostapd: phy0-ap0: AP-ENABLED"
                        break

        told(far, story)
