"""Debian's netconfd (yuma123) behind a real sshd on 127.0.0.1, with OpenConfig's modules of the shared data.

It keeps the configuration and has no radio: there is no operational state in it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from integration.sshd import SSHD, Sshd, sshd
from peers import found
from shared_data import shared_data

from drivers.base import DeviceContext
from drivers.netconf import parse_reply, render
from drivers.transport.netconf import NetconfSession
from drivers.transport.ssh_target import SshTarget
from inventory.credentials import Secret
from inventory.model import AccessPoint, Band, DeviceConfig, Radio, radio_key

NETCONFD = found("netconfd")
SUBSYSTEM = found("netconf-subsystem")
USABLE = None not in (NETCONFD, SUBSYSTEM, SSHD) and os.getuid() == 0
NEEDS_NETCONFD = "needs root, netconfd and sshd (apt-get install netconfd openssh-server)"
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>'
R5 = radio_key("north", "ap1", "r5")
R2 = radio_key("north", "ap1", "r2")
MODULE = "openconfig-access-points"
CHANGES = ("contract", "c1", "c2", "c3", "killed")


AP = """
<provision-aps xmlns="http://openconfig.net/yang/ap-manager"><provision-ap><mac>02:00:00:00:00:01</mac>
<config><mac>02:00:00:00:00:01</mac><hostname>ap1.example.net</hostname></config></provision-ap></provision-aps>
<access-points xmlns="http://openconfig.net/yang/wifi/access-points"
 xmlns:oc-wifi-types="http://openconfig.net/yang/wifi/wifi-types"><access-point>
<hostname>ap1.example.net</hostname><config><hostname>ap1.example.net</hostname></config><radios>
<radio><id>0</id><operating-frequency>oc-wifi-types:FREQ_2GHZ</operating-frequency><config>
<id>0</id><operating-frequency>oc-wifi-types:FREQ_2GHZ</operating-frequency><enabled>true</enabled>
<transmit-power>14</transmit-power><channel>6</channel><channel-bandwidth>20</channel-bandwidth>
<dca>false</dca><dtp>false</dtp></config></radio>
<radio><id>1</id><operating-frequency>oc-wifi-types:FREQ_5GHZ</operating-frequency><config>
<id>1</id><operating-frequency>oc-wifi-types:FREQ_5GHZ</operating-frequency><enabled>true</enabled>
<transmit-power>17</transmit-power><channel>36</channel><channel-bandwidth>40</channel-bandwidth>
<dca>false</dca><dtp>false</dtp></config></radio>
</radios></access-point></access-points>
"""


@dataclass(frozen=True, slots=True)
class Netconfd:
    server: Sshd

    async def reset(self) -> None:
        """As at the start: nothing pending, the two radios on 6 and 36."""
        session = NetconfSession(self.target())
        await session.open()
        try:
            for change in CHANGES:  # of a test that failed
                await session.rpc(render.cancel_commit(f"rrmd-{change}"), 10.0)
            for body in (
                render.discard_changes(),
                render.edit_config("candidate", AP, rollback_on_error=False),
                render.commit(),
            ):
                parse_reply.reply(await session.rpc(body, 10.0))
        finally:
            await session.close()

    def target(self) -> SshTarget:
        return SshTarget(
            name="ap1",
            host="127.0.0.1",
            port=self.server.port,
            login=self.server.login,
            fingerprint=self.server.fingerprint,
        )

    def context(self, **options: object) -> DeviceContext:
        """Of one AP, ap1.example.net, with a radio each in the 5 and 2.4 GHz bands."""
        key = self.server.login.private_key
        assert key is not None
        indented = "".join(f"  {line}\n" for line in key.reveal().splitlines())
        radios = (Radio(key=R5, band=Band.GHZ_5), Radio(key=R2, band=Band.GHZ_2_4))
        return DeviceContext(
            config=DeviceConfig(
                id="ap1",
                driver="netconf",
                address=f"127.0.0.1:{self.server.port}",
                options={
                    "profile": "openconfig-access-points",
                    "host_key": self.server.fingerprint,
                    **options,
                },
            ),
            radios=radios,
            aps=(AccessPoint(id="ap1", device="ap1", radios=radios),),
            secret=Secret(f"user: {self.server.login.user}\nprivate_key: |\n{indented}"),
            clock=time.monotonic,
        )


@contextmanager
def netconfd(wrapper: str = "") -> Iterator[Netconfd]:
    """``wrapper``: what runs the subsystem, so that it can add what an AP knows and netconfd does not.

    Skips the test, visibly, where the modules are absent.
    """
    modules = shared_data("yang", "netconfd-openconfig")
    assert SUBSYSTEM is not None
    with tempfile.TemporaryDirectory(prefix="nc-") as name:  # a socket's path has at most 107 bytes
        directory = Path(name)
        pipe = directory / "ncx.sock"
        (directory / "home" / "data").mkdir(parents=True)  # else: "Open txid file for write failed"
        (directory / "startup.xml").write_text(EMPTY)
        subsystem = f"{wrapper} {SUBSYSTEM} --ncxserver-sockname={{port}}@{pipe}".strip()
        more = f'Subsystem netconf "{subsystem}"\n'
        with sshd(directory, more=more) as server, _daemon(directory, modules, pipe, server.port):
            yield Netconfd(server)


@contextmanager
def _daemon(directory: Path, modules: Path, pipe: Path, port: int) -> Iterator[None]:
    assert NETCONFD is not None
    command = [
        NETCONFD,
        f"--yuma-home={directory / 'home'}",
        f"--modpath={modules}:/usr/share/yuma/modules",
        f"--startup={directory / 'startup.xml'}",
        "--superuser=root",
        "--target=candidate",
        f"--module={MODULE}",
        f"--port={port}",
        f"--ncxserver-sockname={pipe}",
        f"--log={directory / 'netconfd.log'}",
        "--log-level=warn",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _await_listening(server, directory, pipe)
            yield
        finally:
            server.kill()


def _await_listening(server: subprocess.Popen[bytes], directory: Path, pipe: Path) -> None:
    end_s = time.monotonic() + 20.0
    while time.monotonic() < end_s and server.poll() is None:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as trial:
            trial.connect(str(pipe))
            return
        time.sleep(0.02)  # a socket file has no event to wait for
    log = directory / "netconfd.log"
    raise AssertionError(f"netconfd did not start: {log.read_text() if log.exists() else ''}")
