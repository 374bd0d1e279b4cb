"""The driver against the user's own OpenWrt image: OPENWRT_IMAGE=path make test-openwrt."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from vm.openwrt import PASSWORD, QEMU, Console, openwrt

from drivers.base import Device, DeviceContext
from drivers.openwrt.driver import family
from drivers.types import DeviceInfo, Edit, RadioState, ScopeRef, Setting, Table, Values
from inventory.credentials import Secret
from inventory.model import Band, DeviceConfig, Radio, RadioKey

IMAGE = os.environ.get("OPENWRT_IMAGE")
if IMAGE is None or QEMU is None:
    pytest.skip(
        "no OpenWrt: set OPENWRT_IMAGE to an x86-64 image (and install QEMU)", allow_module_level=True
    )

pytestmark = [pytest.mark.vm, pytest.mark.timeout(900)]
R5 = RadioKey("north/ap1/r5")
HERE = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 80}
THERE = {Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 80}
SETTLED_S = 60.0


@pytest.fixture(scope="module")
def ap() -> Iterator[tuple[str, str, Console]]:
    assert IMAGE is not None
    with openwrt(Path(IMAGE)) as running:
        yield running


@pytest.fixture(params=["http", "ssh"])
def device(ap: tuple[str, str, Console], request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    http, ssh, console = ap
    over_http = request.param == "http"
    if over_http and "there-4" not in console.run("ls /usr/lib/uhttpd_ubus.so && echo there-$((2+2))"):
        pytest.skip("this image has no uhttpd-mod-ubus")
    options: dict[str, object] = {}
    if not over_http:
        key = console.run("dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ^ssh-")
        line = next(each for each in key.splitlines() if each.startswith("ssh-"))
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{ssh.rpartition(':')[2]} {' '.join(line.split()[:2])}\n")
        options = {"known_hosts": str(known)}
    config = DeviceConfig(id="ap1", driver="openwrt", address=http if over_http else ssh, options=options)
    secret = Secret(f"user: {'rrmd' if over_http else 'root'}\npassword: {PASSWORD}\n")
    radio = Radio(key=R5, band=Band.GHZ_5)
    return family.device(DeviceContext(config=config, radios=(radio,), secret=secret, clock=time.monotonic))


def _edit(info: DeviceInfo, values: Values, expect: Values) -> Edit:
    scope = ScopeRef(kind="radio", name=info.radios[R5].name, members=(R5,))
    return Edit(change_id="guest", scope=scope, set=values, expect=expect)


async def _settled(device: Device, edit: Edit) -> None:
    async with asyncio.timeout(SETTLED_S):
        while True:
            now = (await device.read_config(edit.scope)).in_force
            if all(now.get(name) == value for name, value in edit.set.items()):
                return
            await asyncio.sleep(1.0)


def test_it_is_read_moved_and_moved_back(device: Device) -> None:
    async def story() -> None:
        info = await device.open()
        try:
            snapshot = await device.read(frozenset({Table.STATUS, Table.CLIENTS}), None)
            reading = snapshot.readings[R5]
            assert reading.state is RadioState.ON_AIR
            assert reading.channel is not None
            assert reading.channel.value == 36
            assert reading.power_choices_dbm
            for values, expect in ((THERE, HERE), (HERE, THERE)):
                edit = _edit(info, values, expect)
                await device.apply(edit, None)
                await _settled(device, edit)
        finally:
            await device.close()

    asyncio.run(story())
