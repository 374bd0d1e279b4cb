"""Stands in for `ubus`, `iw`, `hostapd_cli`, `uci`, `wifi` and `logread` on the far side of SSH.

Runs as a program of its own, by the name that it was copied to; asks the stand-in's server, whose port lies
in the file beside it.
"""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path


def main() -> int:
    place = Path(sys.argv[0]).parent
    argv = [Path(sys.argv[0]).name, *sys.argv[1:]]
    server = http.client.HTTPConnection("127.0.0.1", int((place / "port").read_text()))
    if argv[0] == "logread":
        return follow(server, "/local/log")
    if argv[:2] == ["ubus", "subscribe"]:
        return follow(server, f"/local/subscribe/{argv[2]}")
    server.request("POST", "/local", json.dumps({"argv": argv}))
    said = json.loads(server.getresponse().read())
    sys.stdout.write(said["stdout"])
    return int(said["status"])


def follow(server: http.client.HTTPConnection, path: str) -> int:
    server.request("GET", path)
    answer = server.getresponse()
    while line := answer.readline():
        sys.stdout.write(line.decode())
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
