"""The real servers that the tests talk to, and the packages they come in.

    PYTHONPATH=tests python3 -m peers --install     installs what this machine lacks, where it may

A test whose peer is absent is skipped with the name of its package.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from vm.build_guest import CannotBuild, install

PACKAGES = {
    "netconfd": "netconfd",
    "postgres": "postgresql",
    "snmpd": "snmpd",
    "snmptrap": "snmp",
    "sshd": "openssh-server",
}
"""Program -> package of Debian and Ubuntu."""

POSTGRESQL = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
"""Debian keeps the server's programs out of the way, each version apart."""
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", *POSTGRESQL))


def found(program: str) -> str | None:
    """Where the program is; None: not installed."""
    return shutil.which(program, path=PATH)


def needs(program: str) -> str:
    """Why a test is skipped without it."""
    return f"needs {program} (apt-get install {PACKAGES[program]})"


def main() -> int:
    lacking = sorted({package for program, package in PACKAGES.items() if found(program) is None})
    if lacking and "--install" in sys.argv[1:]:
        try:
            install(lacking)
        except CannotBuild as reason:
            print(reason, file=sys.stderr)
            return int(os.environ.get("RRMD_REQUIRE_VM") == "1")
    elif lacking:
        print(f"apt-get install {' '.join(lacking)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
