"""A Catalyst 9800 answers to the MIB of AireOS. Nobody has shown that it takes SETs."""

from __future__ import annotations

import asyncio

import pytest
from contract.snmp_case import RADIO, SCOPE, Controller, device

from drivers.errors import Unsupported
from drivers.types import Action, ActionRequest, Capabilities, DeviceInfo, Edit, Setting

IOS_XE = b"Cisco IOS Software [Cupertino], C9800 Software (C9800_IOSXE-K9), Version 17.12.3, RELEASE SOFTWARE"


def opened(sys_descr: bytes, **options: bool) -> DeviceInfo:
    async def story() -> DeviceInfo:
        wlc = Controller()
        wlc.values["1.3.6.1.2.1.1.1.0"] = sys_descr
        return await device(wlc, **options).open()

    return asyncio.run(story())


def sets(able: Capabilities) -> bool:
    return Setting.CHANNEL in able.settings and Action.RELEASE in able.actions


@pytest.mark.parametrize("sys_descr", [IOS_XE, b""])
def test_nothing_is_declared_settable(sys_descr: bytes) -> None:
    info = opened(sys_descr)
    assert (dict(info.capabilities.settings), info.capabilities.actions) == ({}, frozenset())
    assert any("netconf" in remark for remark in info.remarks)
    assert len(info.radios) == 6


def test_unless_the_site_asks_for_it() -> None:
    info = opened(IOS_XE, writable=True)
    assert sets(info.capabilities)
    assert not info.remarks


def test_aireos_is_settable() -> None:
    for sys_descr in (b"Cisco Controller", b"Cisco Business Wireless"):
        assert sets(opened(sys_descr).capabilities)


def test_nothing_is_sent() -> None:
    async def story() -> None:
        wlc = Controller()
        wlc.values["1.3.6.1.2.1.1.1.0"] = IOS_XE
        snmp = device(wlc)
        await snmp.open()
        with pytest.raises(Unsupported):
            await snmp.apply(Edit(change_id="c", scope=SCOPE, set={Setting.CHANNEL: 44}), None)
        with pytest.raises(Unsupported):
            await snmp.act(ActionRequest(action=Action.RESTART, radio=RADIO))
        assert wlc.sent == []

    asyncio.run(story())
