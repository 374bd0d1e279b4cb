"""An OpenWrt AP is written to, over HTTP and over SSH, against a stand-in that behaves as recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import cast

import pytest
from integration.openwrt.bus import Tempo
from integration.openwrt_peer import R5, Peer, http_peer, ssh_peer
from integration.sshd import NEEDS_SSHD, SSHD

from drivers.base import Device
from drivers.errors import Conflict, NeverAgain, Refused, TryAgain, Unsupported
from drivers.openwrt import writing
from drivers.openwrt.driver import family
from drivers.openwrt.ubus import AccessDenied
from drivers.signals import ChannelSwitched, Gap, RadarDetected, Signal
from drivers.types import (
    Action,
    ActionRequest,
    ConfigState,
    DeviceInfo,
    Edit,
    Outage,
    RadioState,
    ScopeRef,
    Setting,
    Table,
)
from inventory.channels import block
from inventory.model import Band

SCOPE = ScopeRef(kind="radio", name="phy0-ap0", members=(R5,))
Story = Callable[[Device, DeviceInfo], Awaitable[None]]
CLIENT = "02:00:00:00:02:00"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with http_peer() as one:
        yield one


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Peer]:
    if SSHD is None:
        pytest.skip(NEEDS_SSHD)
    with ssh_peer(tmp_path) as one:
        yield one


def told(peer: Peer, story: Story, *, user: str | None = None, method: str = "csa") -> None:
    async def tell() -> None:
        device = family.device(peer.context(user=user, csa_count=5, log_poll_s=1, method=method))
        info = await device.open()
        try:
            await story(device, info)
        finally:
            await device.close()

    asyncio.run(tell())


def edit(expect: dict[Setting, int] | None = None, **values: int) -> Edit:
    wanted = {Setting(name): value for name, value in values.items()}
    return Edit(change_id="c1", scope=SCOPE, set=wanted, expect=expect or {})


TO_44 = edit(channel=44, width_mhz=80, center_mhz=5210)


async def settled(device: Device, **values: int) -> ConfigState:
    """The read-back, as soon as it agrees."""
    wanted = {Setting(name): value for name, value in values.items()}
    async with asyncio.timeout(10):
        while True:
            try:
                have = await device.read_config(SCOPE)
            except TryAgain:
                continue
            if all(have.in_force.get(name) == value for name, value in wanted.items()):
                return have


async def on_air(device: Device) -> ConfigState:
    return await settled(device, enabled=1)


def channel(peer: Peer) -> object:
    return peer.ap.uci.file["radio0"]["channel"]


def calls(peer: Peer, name: str) -> list[str]:
    return [method for each, method, _ in peer.ap.written if each == name]


def test_an_announced_switch_is_proven_before_apply_returns(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, None)
        assert not receipt.undo_armed
        have = await device.read_config(SCOPE)
        assert have.in_force[Setting.CHANNEL] == 44
        assert have.configured[Setting.CHANNEL] == 36, "run-time only"

    told(peer, story)
    assert peer.ap.airs["radio0"].drops == 0
    assert calls(peer, "uci") == []


def test_while_it_counts_down_the_new_channel_is_not_in_force() -> None:
    """hostapd's own status has it at once."""
    with http_peer(Tempo(beacon_s=0.05)) as peer:

        async def story(device: Device, info: DeviceInfo) -> None:
            applying = asyncio.create_task(device.apply(TO_44, None))
            async with asyncio.timeout(5):
                while not calls(peer, "hostapd.phy0-ap0"):
                    have = await device.read_config(SCOPE)
            assert peer.ap.airs["radio0"].get_status()["channel"] == 44
            have = await device.read_config(SCOPE)
            assert have.in_force[Setting.CHANNEL] == 36
            await applying
            assert (await device.read_config(SCOPE)).in_force[Setting.CHANNEL] == 44

        told(peer, story)


def test_by_switch_channel_where_there_is_one(peer: Peer) -> None:
    peer.ap.newer = True

    async def story(device: Device, info: DeviceInfo) -> None:
        await device.apply(TO_44, None)
        await settled(device, channel=44)

    told(peer, story)
    assert calls(peer, "hostapd") == ["switch_channel"]


def test_a_switch_that_is_refused_changes_nothing() -> None:
    """8, without a reason: here because another one is counting down."""
    with http_peer(Tempo(beacon_s=0.05)) as peer:

        async def story(device: Device, info: DeviceInfo) -> None:
            with peer.ap.bus.lock:
                peer.ap.airs["radio0"].switch({"freq": 5200, "bcn_count": 200})
            with pytest.raises(Refused, match="not supported"):
                await device.apply(TO_44, None)
            assert (await device.read_config(SCOPE)).in_force[Setting.CHANNEL] == 36

        told(peer, story)


def test_a_switch_that_failed_though_it_was_answered_with_0_is_in_doubt(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LANDING_S", 0.5)
    peer.ap.airs["radio0"].csa_fails = True

    async def story(device: Device, info: DeviceInfo) -> None:
        with pytest.raises(TryAgain, match="read back"):
            await device.apply(TO_44, None)
        assert (await on_air(device)).in_force[Setting.CHANNEL] == 36

    told(peer, story)


def test_widening_on_the_same_primary_goes_by_uci_and_the_plan_said_so(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        have = await device.read_config(SCOPE)
        to_40 = edit(width_mhz=40, center_mhz=5190)
        assert device.plan(to_40, have).outage is Outage.CLIENTS_DROP
        await device.apply(to_40, None)
        await settled(device, width_mhz=40)

    told(peer, story)
    assert calls(peer, "hostapd.phy0-ap0") == []


def test_a_dfs_channel_is_taken_after_its_cac(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        to_52 = edit(channel=52, width_mhz=80, center_mhz=5290)
        assert device.plan(to_52, await device.read_config(SCOPE)).outage is Outage.CAC
        await device.apply(to_52, None)
        await settled(device, channel=52)

    told(peer, story)
    assert "52" in peer.ap.uci.file["radio0"]["channels"], "a list of refuges came along"


def test_uci_confirmed_stays(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        assert info.capabilities.undo_timer_s == (10.0, 600.0)
        have = await device.read_config(SCOPE)
        assert device.plan(TO_44, have).undoable
        receipt = await device.apply(TO_44, 60.0)
        assert receipt.undo_armed
        await settled(device, channel=44)
        await device.confirm(receipt)
        assert peer.ap.uci.pending is None

    told(peer, story, method="uci")
    assert channel(peer) == "44"
    assert peer.ap.uci.rollbacks == 0


def test_uci_not_confirmed_goes_back_by_itself(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 10.0)
        await settled(device, channel=44)
        await settled(device, channel=36)
        assert channel(peer) == "36"
        with pytest.raises(Refused):
            await device.confirm(receipt)
        await device.apply(TO_44, None)  # nothing of the old delta is in the way
        await settled(device, channel=44)

    told(peer, story, method="uci")
    assert peer.ap.uci.rollbacks == 1


def test_uci_cancelled_goes_back_now(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 600.0)
        await settled(device, channel=44)
        await device.cancel(receipt)
        await settled(device, channel=36)

    told(peer, story, method="uci")


@pytest.mark.parametrize("one", [edit(channel=44), edit(obss_pd_dbm=-72)], ids=["channel", "obss_pd"])
def test_the_agent_killed_between_apply_and_confirm_leaves_the_ap_as_it_was(peer: Peer, one: Edit) -> None:
    """Who logs in meanwhile as the same user gets the session that applied; after the rollback its `uci get`
    still answers the new value."""

    async def killed(device: Device, info: DeviceInfo) -> None:
        await device.apply(one, 10.0)

    async def started_again(device: Device, info: DeviceInfo) -> None:
        assert peer.ap.uci.pending is not None
        applied = peer.ap.uci.pending.session
        async with asyncio.timeout(10):
            while peer.ap.uci.pending is not None:
                await device.read(frozenset({Table.STATUS}), None)
        have = await settled(device, channel=36)
        assert applied in peer.ap.sessions
        assert have.configured[Setting.CHANNEL] == 36
        assert have.configured[Setting.OBSS_PD_DBM] == -82

    told(peer, killed, method="uci")
    told(peer, started_again, method="uci")
    assert (channel(peer), peer.ap.uci.rollbacks) == ("36", 1)


def test_a_session_that_expired_before_the_confirmation_lets_the_ap_go_back(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 20.0)
        peer.ap.expire()
        with pytest.raises(Refused, match="goes back"):
            await device.confirm(receipt)
        await settled(device, channel=36)

    told(peer, story, method="uci")


def test_a_reading_session_that_expired_costs_a_login_and_no_confirmation(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 60.0)
        owner = peer.ap.uci.pending.session if peer.ap.uci.pending else ""
        for sid in set(peer.ap.sessions) - {owner}:
            del peer.ap.sessions[sid]
        await settled(device, channel=44)
        await device.confirm(receipt)

    told(peer, story, method="uci")
    assert channel(peer) == "44"


def test_the_device_opened_again_can_still_confirm(peer: Peer) -> None:
    """The lane closes a session after any doubt; the right to confirm must survive that."""

    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 60.0)
        await device.close()
        await device.open()
        await device.confirm(receipt)

    told(peer, story, method="uci")
    assert channel(peer) == "44"


def test_the_device_opened_again_is_told_that_the_ap_has_gone_back(peer: Peer) -> None:
    """It reads in the session that applied now, into which the rollback put the delta back."""

    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 10.0)
        await device.close()
        await device.open()
        async with asyncio.timeout(10):
            while peer.ap.uci.pending is not None:
                await device.read(frozenset({Table.STATUS}), None)
        with pytest.raises(Refused):
            await device.confirm(receipt)
        await settled(device, channel=36)
        receipt = await device.apply(TO_44, 10.0)
        await device.close()
        await device.open()
        async with asyncio.timeout(10):
            while peer.ap.uci.pending is not None:
                await device.read(frozenset({Table.STATUS}), None)
        await device.cancel(receipt)
        assert (await settled(device, channel=36)).configured[Setting.CHANNEL] == 36

    told(peer, story, method="uci")


def test_two_daemons_one_apply_at_a_time(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        other = family.device(peer.context(csa_count=5, method="uci"))
        await other.open()
        receipt = await device.apply(TO_44, 600.0)
        await settled(device, channel=44)
        with pytest.raises(Conflict):
            await other.apply(edit(tx_power_dbm=10), None)
        with pytest.raises(Conflict):
            await device.apply(edit(tx_power_dbm=10), None)
        await device.confirm(receipt)
        await other.apply(edit(tx_power_dbm=10), None)
        await other.close()

    told(peer, story, method="uci")
    assert peer.ap.uci.file["radio0"]["txpower"] == "10"


def test_somebody_s_plain_apply_is_found_out(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 600.0)
        with peer.ap.bus.lock:
            peer.ap.uci.apply("somebody", {"rollback": False})
        with pytest.raises(Refused, match="no rollback"):
            await device.cancel(receipt)
        await settled(device, channel=44)

    told(peer, story, method="uci")


def test_an_undo_is_refused_beforehand_for_what_uci_can_t_take_back(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        assert not device.plan(TO_44, await device.read_config(SCOPE)).undoable
        with pytest.raises(Unsupported):
            await device.apply(TO_44, 60.0)

    told(peer, story)
    assert peer.ap.written == []


def test_an_expectation_that_is_wrong_sends_nothing(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        with pytest.raises(Conflict):
            await device.apply(edit({Setting.CHANNEL: 40}, channel=44), None)

    told(peer, story)
    assert peer.ap.written == []


def test_power_is_set_by_uci_and_nobody_drops(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        await device.apply(edit(tx_power_dbm=10), None)
        await settled(device, tx_power_dbm=10)

    told(peer, story)
    assert peer.ap.airs["radio0"].drops == 0


def test_obss_pd_is_set_and_taken_back(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        await device.apply(edit(obss_pd_dbm=-72), None)
        have = await on_air(device)
        assert have.configured[Setting.OBSS_PD_DBM] == -72
        assert Setting.OBSS_PD_DBM not in have.in_force
        await device.apply(edit(obss_pd_dbm=-82), None)
        assert (await on_air(device)).configured[Setting.OBSS_PD_DBM] == -82

    told(peer, story)
    assert "he_spr_sr_control" not in peer.ap.uci.file["radio0"]


def test_a_restart_for_obss_pd_keeps_the_radio_where_a_switch_took_it(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        await device.apply(TO_44, None)
        await device.apply(edit(obss_pd_dbm=-72), None)
        await settled(device, channel=44)

    told(peer, story)
    assert channel(peer) == "44"


def test_off_and_on(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        await device.apply(edit(enabled=0), None)
        await settled(device, enabled=0)
        await device.apply(edit(enabled=1), None)
        await settled(device, enabled=1, channel=36)

    told(peer, story)


def test_an_undo_that_overtakes_the_reload(peer: Peer) -> None:
    """All at once: netifd has not looked yet, so what is in force is still what the undo asks for."""

    async def story(device: Device, info: DeviceInfo) -> None:
        power = (await on_air(device)).in_force[Setting.TX_POWER_DBM]
        await device.apply(edit(tx_power_dbm=10), None)
        await device.apply(edit(tx_power_dbm=power), None)
        assert peer.ap.uci.file["radio0"]["txpower"] == str(power)
        await device.apply(edit(enabled=0), None)
        await device.apply(edit(enabled=1), None)

    told(peer, story)
    assert peer.ap.uci.file["radio0"]["disabled"] == "0"


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("channels", [False, True], ids=["bare", "listed"])
def test_a_restart_by_the_ap_s_own_rollback(peer: Peer, moved: bool, channels: bool) -> None:
    """Were the agent killed in between, the AP would bring the radio back by itself. A switch that was not
    recorded is recorded instead: that restarts the radio too."""
    air = peer.ap.airs["radio0"]
    if channels:
        peer.ap.uci.file["radio0"]["channels"] = ["36", "44"]
        air.config = dict(peer.ap.uci.file["radio0"])

    async def story(device: Device, info: DeviceInfo) -> None:
        if moved:
            await device.apply(TO_44, None)
        await device.act(ActionRequest(action=Action.RESTART, radio=R5))
        async with asyncio.timeout(10):
            while not (air.restarts and air.there):
                await device.read(frozenset({Table.STATUS}), None)
        await settled(device, enabled=1, channel=44 if moved else 36)

    told(peer, story)
    assert peer.ap.airs["radio1"].restarts == 0
    assert peer.ap.uci.file["radio0"]["disabled"] == "0"
    assert channel(peer) == ("44" if moved else "36")


def stuck(peer: Peer, *, channels: bool) -> None:
    """Radar where there was nowhere to go, and a NOP that has ended since."""
    air, file = peer.ap.airs["radio0"], peer.ap.uci.file["radio0"]
    with peer.ap.bus.lock:
        file.update(channel="52", disabled="0")
        file.pop("channels", None)  # somebody's bare channel
        if channels:  # all of them need a CAC: no refuge either
            file["channels"] = ["52", "56"]
        air.config = dict(file)
        air._on_air(block(Band.GHZ_5, 52, 80, 5290))
        air.radar()
        assert air.state == "NOP"
        air.nop_over()
        assert air.state == "STUCK"


@pytest.mark.parametrize("channels", [False, True], ids=["bare", "listed"])
@pytest.mark.parametrize("how", ["restart", "edit"])
def test_a_radio_that_stayed_off_after_its_nop_is_brought_back(peer: Peer, channels: bool, how: str) -> None:
    """It has no hostapd object all along. With a list there is nothing to write but off and on again."""

    async def story(device: Device, info: DeviceInfo) -> None:
        stuck(peer, channels=channels)
        assert (await device.read_config(SCOPE)).state is RadioState.OFF
        if how == "restart":
            await device.act(ActionRequest(action=Action.RESTART, radio=R5))
        else:
            await device.apply(edit(enabled=1), None)
        await settled(device, enabled=1)

    told(peer, story)
    assert len(peer.ap.uci.file["radio0"]["channels"]) > 1
    assert peer.ap.uci.file["radio0"]["disabled"] == "0"


def test_a_restart_that_was_not_seen_is_told_as_such(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "GOING_S", 0.2)
    peer.ap.uci.file["radio0"]["channels"] = peer.ap.airs["radio0"].config["channels"] = ["36", "44"]

    async def story(device: Device, info: DeviceInfo) -> None:
        monkeypatch.setattr(peer.ap.uci, "reload", lambda sections: None)  # netifd hangs
        with pytest.raises(TryAgain, match="not restarted"):
            await device.act(ActionRequest(action=Action.RESTART, radio=R5))

    told(peer, story)
    assert peer.ap.uci.file["radio0"]["disabled"] == "0"
    assert peer.ap.uci.pending is None


def test_steering_is_a_hint(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        to = (peer.ap.airs["radio1"].bssid,)
        await device.act(ActionRequest(action=Action.STEER, radio=R5, clients=(CLIENT,), to_bssids=to))
        nobody = ActionRequest(action=Action.STEER, radio=R5, clients=("02:00:00:00:09:09",))
        with pytest.raises(Refused):
            await device.act(nobody)

    told(peer, story)
    ((_, method, args),) = peer.ap.written
    assert method == "bss_transition_request"
    assert args["disassociation_imminent"] is False
    assert len(args["neighbors"]) == 1


def test_a_bare_channel_is_remarked_on_until_it_has_refuges(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        assert [text.partition(":")[0] for text in info.remarks] == ["radio0"]
        await device.apply(TO_44, None)
        await settled(device, channel=44)
        await device.close()
        assert (await device.open()).remarks == ()

    told(peer, story, method="uci")


def test_who_may_only_look_is_told_so_beforehand(peer: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        able = info.capabilities
        assert (dict(able.settings), able.actions, able.undo_timer_s) == ({}, frozenset(), None)
        assert able.signals
        with pytest.raises((NeverAgain, AccessDenied)):
            await device.apply(TO_44, None)

    told(peer, story, user="look")
    assert peer.ap.written == []


async def heard(stream: AsyncGenerator[Signal], kind: type[Signal]) -> Signal:
    """The next of this kind."""
    async with asyncio.timeout(10):
        async for signal in stream:
            if isinstance(signal, kind):
                return signal
    raise AssertionError(f"no {kind}")


def stream_of(device: Device) -> AsyncGenerator[Signal]:
    return cast("AsyncGenerator[Signal]", device.signals())


def test_a_subscription_is_made_again_after_a_restart(peer: Peer) -> None:
    air = peer.ap.airs["radio0"]

    async def story(device: Device, info: DeviceInfo) -> None:
        async with aclosing(stream_of(device)) as stream:
            for _ in range(4):  # the log, hostapd, and two BSSs
                assert isinstance(await anext(stream), Gap)
            with peer.ap.bus.lock:
                air.restart()
            await settled(device, enabled=1)
            async with asyncio.timeout(10):
                while not peer.ap.bus.subscribers.get("hostapd.phy0-ap0"):
                    assert await anext(stream)
            with peer.ap.bus.lock:
                air.switch({"freq": 5220, "bcn_count": 5, "bandwidth": 80, "center_freq1": 5210})
            switched = await heard(stream, ChannelSwitched)
            assert isinstance(switched, ChannelSwitched)
            assert switched.channel == 44

    told(peer, story)


def test_radar_comes_by_the_log_over_http(peer: Peer) -> None:
    air = peer.ap.airs["radio0"]

    async def story(device: Device, info: DeviceInfo) -> None:
        await device.apply(edit(channel=52, width_mhz=80, center_mhz=5290), None)
        await settled(device, channel=52)
        async with aclosing(stream_of(device)) as stream:
            for _ in range(4):
                await anext(stream)
            with peer.ap.bus.lock:
                air.radar()
            radar = await heard(stream, RadarDetected)
        assert isinstance(radar, RadarDetected)
        assert (radar.radio, radar.mhz20) == (R5, frozenset({5260, 5280, 5300, 5320}))

    told(peer, story)


def test_over_ssh_a_switch_is_recorded_without_a_second_outage(far: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        effects = device.plan(TO_44, await device.read_config(SCOPE))
        assert (effects.outage, effects.persists) == (Outage.CSA, True)
        await device.apply(TO_44, None)
        have = await settled(device, channel=44)
        assert have.configured[Setting.CHANNEL] == 44
        await device.apply(edit(tx_power_dbm=10), None)
        await settled(device, tx_power_dbm=10, channel=44)

    told(far, story)
    air = far.ap.airs["radio0"]
    assert (air.drops, air.restarts) == (0, 0)
    assert far.ap.uci.file["radio0"]["txpower"] == "10"
    assert "44" in far.ap.uci.file["radio0"]["channels"]


def test_over_ssh_an_undo_is_armed_confirmed_and_left_alone(far: Peer) -> None:
    async def story(device: Device, info: DeviceInfo) -> None:
        receipt = await device.apply(TO_44, 200.0)
        assert receipt.undo_armed
        await settled(device, channel=44)
        await device.confirm(receipt)
        back = await device.apply(edit(channel=36, width_mhz=80, center_mhz=5210), 10.0)
        assert back.undo_armed
        await settled(device, channel=36)  # what is read first may still be from before it
        await settled(device, channel=44)

    told(far, story, method="uci")
    assert channel(far) == "44"


def test_over_ssh_radar_is_heard_and_a_radio_restarted(far: Peer) -> None:
    air = far.ap.airs["radio0"]

    async def story(device: Device, info: DeviceInfo) -> None:
        assert Table.STATUS in info.capabilities.tables
        await device.act(ActionRequest(action=Action.RESTART, radio=R5))
        await settled(device, enabled=1, channel=36)
        async with aclosing(stream_of(device)) as stream:
            for _ in range(4):
                await anext(stream)
            with far.ap.bus.lock:
                air.say("DFS-RADAR-DETECTED freq=5260 chan_offset=0 chan_width=3 cf1=5290 cf2=0")
            assert isinstance(await heard(stream, RadarDetected), RadarDetected)

    told(far, story)
    assert air.restarts == 1
