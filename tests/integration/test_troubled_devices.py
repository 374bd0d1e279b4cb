"""A device that stops answering, is slow, half-dead, late, another one, or answers what nobody asked: its
time-outs hold, its lane recovers, and nobody else waits for it.

Each driver against a device of its kind, beside one that is well, under the daemon's own lanes and pollers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from contract.snmp_case import APS, RADIO, RADIOS, RECORDING
from integration import ber
from integration.beside import LANE_S, Both, at, beside
from integration.netconfd import NEEDS_NETCONFD, USABLE, netconfd
from integration.openwrt.ap import Ap
from integration.openwrt_peer import Peer, http_peer, ssh_peer
from integration.replay import replay
from integration.snmp_responder import (
    GET_BULK,
    Agent,
    Fault,
    Request,
    garbage,
    late,
    of_another_request,
    read_snmprec,
    served,
    silent,
    truncated,
)
from integration.sshd import NEEDS_SSHD, SSHD
from integration.stalling_proxy import Proxy, proxied

from drivers.base import DeviceContext
from drivers.errors import DeviceTimeout, DriverError, Garbage, IdentityChanged, TryAgain
from inventory.credentials import Secret
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, radio_key

SLACK_S = 1.0
"""What the machine may add to a time-out: it runs other tests too."""
QUICK_S = 0.4
COMMAND_S = 1.2
"""A program is started for each command, which takes a busy machine its time."""
SERIAL = "1.3.6.1.4.1.14179.1.1.1.4.0"
CHANNEL = "1.3.6.1.4.1.14179.2.2.2.1.4.2.0.0.0.16.16.1"

Story = Callable[[Both], Awaitable[None]]
Options = Mapping[str, float | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """``quick``, ``patient``: options whose time-outs are shorter, and longer, than what the lane allows."""

    context: DeviceContext
    address: str
    quick: Options
    patient: Options
    silence: Callable[[], None]
    delay: Callable[[float], None]
    mend: Callable[[], None]
    proxy: Proxy | None = None


def snmp_values() -> dict[str, ber.Typed]:
    return read_snmprec(RECORDING.read_text())


def snmp_context(port: int) -> DeviceContext:
    config = DeviceConfig(id="wlc", driver="snmp", address=f"127.0.0.1:{port}")
    return DeviceContext(config=config, radios=RADIOS, aps=APS, secret=Secret("public"), clock=time.monotonic)


@contextmanager
def snmp() -> Iterator[Device]:
    agent = Agent(snmp_values())

    def fault(what: Fault | None) -> Callable[[], None]:
        return lambda: setattr(agent, "fault", what)

    with served(agent) as port:
        yield Device(
            context=snmp_context(port),
            address=f"127.0.0.1:{port}",
            quick={"timeout_s": QUICK_S / 2, "retries": 1},
            patient={"timeout_s": 10.0, "retries": 2},
            silence=fault(silent),
            delay=lambda seconds: fault(late(seconds))(),
            mend=fault(None),
        )


def behind(
    proxy: Proxy, context: DeviceContext, scheme: str, *limits: str, quick_s: float = QUICK_S
) -> Device:
    """``limits``: the driver's options that are time-outs."""
    return Device(
        context=context,
        address=f"{scheme}127.0.0.1:{proxy.port}",
        quick={**dict.fromkeys(limits, quick_s), "connect_timeout_s": COMMAND_S},
        patient=dict.fromkeys((*limits, "connect_timeout_s"), 30.0),
        silence=proxy.stand_still,
        delay=lambda seconds: setattr(proxy, "slow_s", seconds),
        mend=proxy.mend,
        proxy=proxy,
    )


def port_of(context: DeviceContext) -> int:
    return int(context.config.address.rpartition(":")[2])


@contextmanager
def openwrt_http() -> Iterator[Device]:
    with http_peer() as peer, proxied(port_of(peer.context())) as proxy:
        yield behind(proxy, peer.context(), "http://", "call_timeout_s")


@contextmanager
def openwrt_ssh() -> Iterator[Device]:
    with directory() as place, ssh_peer(place) as peer, proxied(port_of(peer.context())) as proxy:
        yield behind(proxy, peer.context(), "ssh://", "call_timeout_s", quick_s=COMMAND_S)


@contextmanager
def hostapd() -> Iterator[Device]:
    with directory() as place, replay(place) as ap, proxied(port_of(ap.context())) as proxy:
        yield behind(proxy, ap.context(), "", "command_timeout_s", quick_s=COMMAND_S)


@contextmanager
def openconfig() -> Iterator[Device]:
    with netconfd() as ap, proxied(port_of(ap.context())) as proxy:
        asyncio.run(ap.reset())
        yield behind(proxy, ap.context(), "", "rpc_timeout_s")


@contextmanager
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rrmd-") as name:
        yield Path(name)


needs_sshd = pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
needs_netconfd = pytest.mark.skipif(not USABLE, reason=NEEDS_NETCONFD)
STREAMS = (
    pytest.param(openwrt_http, id="openwrt-http"),
    pytest.param(openwrt_ssh, id="openwrt-ssh", marks=needs_sshd),
    pytest.param(hostapd, id="hostapd", marks=needs_sshd),
    pytest.param(openconfig, id="netconf", marks=needs_netconfd),
)


@pytest.fixture(scope="module", params=[pytest.param(snmp, id="snmp"), *STREAMS])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    with request.param() as made:
        yield made


@pytest.fixture(scope="module")
def well() -> Iterator[DeviceContext]:
    """A controller that always answers, with an AP of its own."""
    with served(Agent(snmp_values())) as port:
        radios = (Radio(key=radio_key("north", "well", "r5"), band=Band.GHZ_5),)
        ap = AccessPoint(id="well", device="well", match={"name": "ap1"}, radios=radios)
        context = snmp_context(port)
        yield replace(context, config=replace(context.config, id="well"), radios=radios, aps=(ap,))


def told(device: Device, well: DeviceContext, options: Options, story: Story) -> None:
    """The story of a device that was well at first."""

    async def tell() -> None:
        async with beside(at(device.context, device.address, **options), well) as both:
            await story(both)

    device.mend()
    try:
        asyncio.run(tell())
    finally:
        device.mend()


async def stays_away(
    both: Both, trouble: Callable[[], None], polls: int = 2
) -> list[tuple[DriverError, float]]:
    """So many polls of the sick one come to nothing, and meanwhile the other was polled as ever. What its
    lane raised, and after how long."""
    loop = asyncio.get_running_loop()
    seen, since_s = len(both.sick.lane.errors), loop.time()
    trouble()
    await both.sick.miss(polls)
    await both.well.polls(1)
    assert both.well.longest_wait_s(since_s) < LANE_S / 2, "the healthy one had to wait"
    assert both.well.misses == 0
    return both.sick.lane.errors[seen:]


async def is_back(both: Both, mend: Callable[[], None]) -> None:
    mend()
    await both.sick.polls()
    assert not both.lost
    assert both.memory.contact("north", both.sick.lane.name).missed == 0


def test_one_that_stops_answering_costs_its_own_time_out_and_comes_back(
    device: Device, well: DeviceContext
) -> None:
    async def story(both: Both) -> None:
        errors = await stays_away(both, device.silence)
        assert isinstance(errors[0][0], DeviceTimeout), errors
        assert all(isinstance(error, TryAgain) for error, _ in errors), errors
        assert max(seconds for _, seconds in errors) < LANE_S + SLACK_S
        assert both.lost
        await is_back(both, device.mend)

    told(device, well, device.quick, story)


def test_the_lane_ends_what_a_driver_would_wait_for_longer(device: Device, well: DeviceContext) -> None:
    async def story(both: Both) -> None:
        errors = await stays_away(both, device.silence, polls=1)
        assert all(isinstance(error, DeviceTimeout) for error, _ in errors), errors
        assert all(LANE_S - 0.1 < seconds < LANE_S + SLACK_S for _, seconds in errors), errors
        await is_back(both, device.mend)

    told(device, well, device.patient, story)


def test_one_that_is_slow_is_read_all_the_same(device: Device, well: DeviceContext) -> None:
    async def story(both: Both) -> None:
        since_s = asyncio.get_running_loop().time()
        device.delay(0.03)
        await both.sick.polls(5)  # the first may have been under way, and a quick device is not much slower
        assert both.sick.misses == 0
        assert both.well.longest_wait_s(since_s) < LANE_S / 2
        assert len([at_s for at_s, _ in both.well.read if at_s > since_s]) > 3

    told(device, well, device.patient, story)


def test_one_that_hangs_up_is_connected_to_again(device: Device, well: DeviceContext) -> None:
    proxy = device.proxy
    if proxy is None:
        pytest.skip("SNMP has no connection that could end")

    async def story(both: Both) -> None:
        await stays_away(both, proxy.hang_up)
        await is_back(both, proxy.mend)

    told(device, well, device.quick, story)


# -- another device at the same address ------------------------------------------------------------------


async def is_refused(both: Both, change: Callable[[], None]) -> None:
    """Lost at the first poll, and a person is told once."""
    errors = await stays_away(both, change)
    assert any(isinstance(error, IdentityChanged) for error, _ in errors), errors
    assert both.lost
    assert len([text for text in both.alerts if "another device" in text or "host key" in text]) == 1, (
        both.alerts
    )


def test_another_device_at_the_address_is_not_believed_over_snmp(well: DeviceContext) -> None:
    agent = Agent(snmp_values())
    with served(agent) as port:
        device = at(snmp_context(port), f"127.0.0.1:{port}")

        async def tell() -> None:
            async with beside(device, well) as both:
                await is_refused(both, lambda: agent.put(SERIAL, (ber.OCTETS, b"SOMEBODYELSE")))
                await is_back(both, lambda: agent.put(SERIAL, (ber.OCTETS, b"SYNTHETIC01")))

        asyncio.run(tell())


def test_another_device_at_the_address_is_not_believed_over_http(
    well: DeviceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_peer() as peer, http_peer() as other, proxied(port_of(peer.context())) as proxy:
        ours, theirs = ({"br-lan": {"macaddr": f"02:00:00:00:00:{octet}"}} for octet in ("AA", "BB"))
        monkeypatch.setattr(Ap, "_devices", lambda ap, args, session: (0, theirs if ap is other.ap else ours))

        def swap(to: Peer) -> None:
            proxy.leads_to = port_of(to.context())
            proxy.mend()

        async def tell() -> None:
            device = at(peer.context(), f"http://127.0.0.1:{proxy.port}", call_timeout_s=QUICK_S)
            async with beside(device, well) as both:
                await stays_away(both, proxy.hang_up)
                await is_refused(both, lambda: swap(other))
                proxy.hang_up()
                await is_back(both, lambda: swap(peer))

        asyncio.run(tell())


@needs_sshd
def test_another_device_at_the_address_is_not_believed_over_ssh(well: DeviceContext) -> None:
    with (
        directory() as here,
        directory() as there,
        replay(here) as ap,
        replay(there) as other,
        proxied(port_of(ap.context())) as proxy,
    ):

        def swap(port: int) -> None:
            proxy.leads_to = port
            proxy.hang_up()
            proxy.mend()

        async def tell() -> None:
            device = at(ap.context(), f"127.0.0.1:{proxy.port}", connect_timeout_s=2.0)
            async with beside(device, well) as both:
                await is_refused(both, lambda: swap(port_of(other.context())))
                await is_back(both, lambda: swap(port_of(ap.context())))

        asyncio.run(tell())


# -- answers that are none -------------------------------------------------------------------------------


def only_of_another_request(request: Request, right: bytes) -> list[tuple[float, bytes]]:
    """Right in all but its request-id."""
    wrong = request.request_id[:-1] + bytes((request.request_id[-1] ^ 1,))
    return [(0.0, right.replace(request.request_id, wrong, 1))]


def only_half_alive(request: Request, right: bytes) -> list[tuple[float, bytes]]:
    """Single values are answered, tables are not."""
    return [] if request.pdu == GET_BULK else [(0.0, right)]


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (only_half_alive, DeviceTimeout),
        (only_of_another_request, DeviceTimeout),
        (late(2 * QUICK_S), DeviceTimeout),
        (truncated, Garbage),
        (garbage, Garbage),
    ],
    ids=["half-dead", "another request's id", "late", "truncated", "garbage"],
)
def test_an_snmp_answer_that_is_none_is_a_miss(
    fault: Fault, raised: type[DriverError], well: DeviceContext
) -> None:
    agent = Agent(snmp_values())
    with served(agent) as port:

        async def tell() -> None:
            device = at(snmp_context(port), f"127.0.0.1:{port}", timeout_s=QUICK_S / 2, retries=1)
            async with beside(device, well) as both:
                errors = await stays_away(both, lambda: setattr(agent, "fault", fault))
                assert all(isinstance(error, raised) for error, _ in errors), errors
                assert max(seconds for _, seconds in errors) < LANE_S + SLACK_S
                await is_back(both, lambda: setattr(agent, "fault", None))

        asyncio.run(tell())


def test_an_snmp_answer_to_another_request_hides_no_right_one(well: DeviceContext) -> None:
    agent = Agent(snmp_values())
    with served(agent) as port:

        async def tell() -> None:
            async with beside(at(snmp_context(port), f"127.0.0.1:{port}"), well) as both:
                agent.fault = of_another_request
                await both.sick.polls(3)
                assert both.sick.misses == 0

        asyncio.run(tell())


def first_table_late() -> Fault:
    """The first comes when the next has been asked for, and before that one's own answer."""
    delays = iter((1.5 * QUICK_S, 0.75 * QUICK_S))

    def fault(request: Request, right: bytes) -> list[tuple[float, bytes]]:
        return [(next(delays, 0.0) if request.pdu == GET_BULK else 0.0, right)]

    return fault


def test_a_late_snmp_answer_is_not_taken_for_the_next_poll(well: DeviceContext) -> None:
    """The old channel comes when the new one has been asked for."""
    agent = Agent(snmp_values())
    with served(agent) as port:

        async def tell() -> None:
            device = at(snmp_context(port), f"127.0.0.1:{port}", timeout_s=QUICK_S, retries=0)
            async with beside(device, well) as both:
                agent.fault = first_table_late()
                await both.sick.miss()
                agent.put(CHANNEL, (ber.INTEGER, 44))
                before = len(both.sick.read)
                await both.sick.polls()
                channels = [snapshot.readings[RADIO].channel for _, snapshot in both.sick.read[before:]]
                assert [channel.value for channel in channels if channel is not None] == [44, 44]

        asyncio.run(tell())


def of_another_call() -> bytes:
    """JSON-RPC that is right in all but its id."""
    return json.dumps({"jsonrpc": "2.0", "id": 999_999_999, "result": [0, {}]}).encode()


@pytest.mark.parametrize(
    "answer",
    [of_another_call(), b"[" + of_another_call() + b"]", b"<html>502 Bad Gateway</html>", b""],
    ids=["another call's id", "in a batch", "HTML", "empty"],
)
def test_a_ubus_answer_that_is_none_is_a_miss(answer: bytes, well: DeviceContext) -> None:
    with http_peer() as peer:

        async def tell() -> None:
            device = at(peer.context(), peer.address, call_timeout_s=QUICK_S)
            async with beside(device, well) as both:
                errors = await stays_away(both, lambda: setattr(peer.server, "mangle", answer))
                assert all(isinstance(error, DriverError) for error, _ in errors)
                await is_back(both, lambda: setattr(peer.server, "mangle", None))

        asyncio.run(tell())


@needs_netconfd
def test_a_netconf_reply_to_another_request_is_a_miss(well: DeviceContext) -> None:
    program = Path(__file__).parent / "netconf_stranger.py"
    with directory() as place:
        flag = place / "strange"
        with netconfd(f"{sys.executable} {program} {flag}") as ap:
            asyncio.run(ap.reset())

            async def tell() -> None:
                context = ap.context()
                device = at(context, context.config.address, rpc_timeout_s=QUICK_S)
                async with beside(device, well) as both:
                    errors = await stays_away(both, flag.touch)
                    assert all(isinstance(error, DriverError) for error, _ in errors)
                    await is_back(both, flag.unlink)

            asyncio.run(tell())
