"""A write that was given up, with real threads and sockets: its bytes come through when the device has been
read back by a new session. Where they take effect all the same a poll shows it, and the agent takes it back.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon
from integration.beside import at
from integration.netconfd import NEEDS_NETCONFD, USABLE
from integration.openwrt_peer import http_peer
from integration.sshd import NEEDS_SSHD, SSHD
from integration.stalling_proxy import Proxy, proxied
from integration.test_openwrt_agent import SITE, drill, radio
from integration.test_troubled_devices import (
    Device,
    hostapd,
    openconfig,
    openwrt_http,
    openwrt_ssh,
    port_of,
)

from agent.lane import Lane
from drivers import registry
from drivers.errors import TryAgain
from drivers.netconf.transaction import Transactions
from drivers.types import Edit, ScopeRef, Setting, Values
from inventory.model import radio_key

R5 = radio_key("north", "ap1", "r5")
SCOPE = ScopeRef(kind="radio", name=R5, members=(R5,))
LANDING_S = 4.0
WRITE_S = 2.0
"""What the lane allows the write: by then its bytes are on the wire, and held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """``writes(device)``: whose method, and which, puts the write's bytes on the wire. ``lands``: they take
    effect although their session was closed."""

    family: Callable[[], AbstractContextManager[Device]]
    writes: Callable[[Any], tuple[Any, str]]
    lands: bool = False


WAYS = {
    "hostapd": Way(family=hostapd, writes=lambda device: (device, "_write")),
    "openwrt-http": Way(family=openwrt_http, writes=lambda device: (device._writing, "_do"), lands=True),
    "openwrt-ssh": Way(family=openwrt_ssh, writes=lambda device: (device._writing, "_do")),
    "netconf": Way(family=openconfig, writes=lambda _: (Transactions, "_commit"), lands=True),
}
needs_sshd = pytest.mark.skipif(SSHD is None, reason=NEEDS_SSHD)
needs_netconfd = pytest.mark.skipif(not USABLE, reason=NEEDS_NETCONFD)
MARKS = {"hostapd": needs_sshd, "openwrt-ssh": needs_sshd, "netconf": needs_netconfd}


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, ())) for name in WAYS])
def test_a_write_that_was_given_up_is_not_in_force_at_the_end(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = WAYS[name]
    with way.family() as peer:
        assert peer.proxy is not None
        asyncio.run(given_up(way, peer, peer.proxy, monkeypatch))


async def given_up(way: Way, peer: Device, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    context = at(peer.context, peer.address, **peer.patient)
    device = registry.families()[context.config.driver].device(context)
    lane = Lane("ap1", device, write_s=WRITE_S)
    before = set(threading.enumerate())
    prior = await seen(lane)
    monkeypatch.setattr(*way.writes(device), held(proxy, *way.writes(device)))
    with pytest.raises(TryAgain):
        await lane.apply(Edit(change_id="c1", scope=SCOPE, set={Setting.CHANNEL: 149}, expect={}), None)
    assert lane.info is None, "the session is closed"
    assert not {t for t in threading.enumerate() if t not in before and t.name.startswith("rrmd")}
    assert await seen(lane) == prior, "read back by a new session"
    proxy.mend()
    await asyncio.to_thread(proxy.settle)
    assert await lands(lane, prior) is way.lands
    await lane.close()


async def lands(lane: Lane, prior: Values) -> bool:
    """Whether it takes effect within the seconds that a countdown takes."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + LANDING_S
    while loop.time() < end_s:
        if await seen(lane) != prior:
            return True
    return False


async def seen(lane: Lane) -> Values:
    """What the device says of the channel: in force, or configured where that is all that it tells."""
    have = await lane.read_config(SCOPE)
    return {Setting.CHANNEL: {**have.configured, **have.in_force}[Setting.CHANNEL]}


def held(proxy: Proxy, owner: Any, name: str) -> Callable[..., Any]:
    """From the moment of the write on nothing goes through on the connections of this session."""
    write = getattr(owner, name)

    async def written(*args: Any) -> Any:
        proxy.hold()
        return await write(*args)

    return written


def test_what_lands_late_over_http_is_taken_back_by_the_agent(tmp_path: Path) -> None:
    """The whole daemon: the AP's answer does not come, the change is taken back, and then the AP switches."""
    with http_peer() as peer, proxied(port_of(peer.context())) as proxy:
        site = SITE.format(address=f"http://127.0.0.1:{proxy.port}", method="csa")
        with Daemon(tmp_path / "rrmd", site, {"ap1": "user: rrmd\npassword: lab-Ctl-1\n"}) as running:
            running.wait("the radio has been read", lambda: radio(running)["channel"] == 36, 30)
            proxy.hold_from(b"switch_chan")
            change = drill(running, 149)
            told = running.wait_state(change, "ROLLED_BACK", "FAILED", "ESCALATED", "COMMITTED", limit_s=90)
            assert told["state"] == "ROLLED_BACK", told
            proxy.mend()
            running.wait("it is taken back", lambda: "landed_late" in running.reasons(), 60)
            undo = next(each for each in running.changes() if each["undo_of"] == change)
            running.wait_state(undo["id"], "MONITORING", "COMMITTED", limit_s=60)
            running.wait("the AP is back", lambda: radio(running)["channel"] == 36, 30)
