"""An agent that is killed: arms the device's undo, says so, and waits. ``PORT FINGERPRINT USER UNDO_S``; the
private key comes on standard input."""

from __future__ import annotations

import asyncio
import sys

from integration.netconfd import Netconfd
from integration.sshd import Sshd
from integration.test_netconf_driver import edit

from drivers.netconf.driver import family
from inventory.credentials import Login, Secret


async def main() -> None:
    port, fingerprint, user, undo_s = sys.argv[1:]
    key = sys.stdin.buffer.read(int(sys.stdin.buffer.readline())).decode()
    login = Login(user=user, private_key=Secret(key))
    server = Netconfd(Sshd(port=int(port), fingerprint=fingerprint, host_key_line="", login=login))
    device = family.device(server.context())
    await device.open()
    receipt = await device.apply(edit("killed"), float(undo_s))
    print(receipt.handle, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    asyncio.run(main())
