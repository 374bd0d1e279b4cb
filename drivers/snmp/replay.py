"""A recording in the place of a device: the whole driver, and values that do not change."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from drivers.base import Device, DeviceContext
from drivers.errors import Garbage
from drivers.notifications import Oid, Value
from drivers.snmp.device import SnmpDevice
from drivers.snmp.load import shipped
from drivers.snmp.options import AUTO, Options
from drivers.snmp.questions import SYS_OBJECT_ID
from drivers.snmp.recording import RecordedSession, load
from inventory.model import AccessPoint, DeviceConfig

NULL_OID: Final = "0.0"  # zeroDotZero of RFC 2578: "no type is known"
EXPECTED: Final = "expected what `snmpwalk -On` printed, or a .snmprec file"
HOW: Final = "snmpwalk -v2c -c COMMUNITY -On HOST .1 > FILE"
MOST_BYTES: Final = 64 * 2**20  # a controller of 700 APs is recorded in 2
_PACKED: Final = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class WrongRecording(ValueError):
    """A person must act. The message is one sentence that says what to do."""


def replayed(file: Path, options: Options) -> Callable[[tuple[AccessPoint, ...]], Device]:
    """What makes a device of this recording that answers for some APs. Raises WrongRecording."""
    values = _values(file, options)
    config = DeviceConfig(id=file.name, driver="snmp", address=str(file))

    def make(aps: tuple[AccessPoint, ...]) -> Device:
        radios = tuple(radio for ap in aps for radio in ap.radios)
        context = DeviceContext(config=config, radios=radios, aps=aps, secret=None, clock=time.monotonic)
        return SnmpDevice(context, options, RecordedSession(values))

    return make


def _values(file: Path, options: Options) -> Mapping[Oid, Value]:
    """All that was recorded; of one that was told its dialect no sysObjectID is wanted."""
    _check(file)
    try:
        values = load(file).values
    except Garbage as error:
        raise WrongRecording(f"{file}: {error} ({HOW})") from None
    if SYS_OBJECT_ID in values:
        return values
    if options.profile == AUTO and options.profile_file is None:
        raise WrongRecording(
            f"{file}: sysObjectID (.{SYS_OBJECT_ID}) was not recorded: walk from .1 on ({HOW}), or name the"
            f" dialect: --profile {'|'.join(shipped())}, or a profile file of your own (docs/snmp.md)"
        )
    return {**values, SYS_OBJECT_ID: NULL_OID}


def _check(file: Path) -> None:
    """Raises WrongRecording for a file that is no text."""
    if not file.exists():
        raise WrongRecording(f"{file}: no such file")
    if not file.is_file():
        raise WrongRecording(f"{file}: not a file; {EXPECTED}")
    try:
        with file.open("rb") as opened:
            head = opened.read(4096)
    except OSError as error:
        raise WrongRecording(f"{file}: {error.strerror}") from None
    if file.stat().st_size > MOST_BYTES:
        raise WrongRecording(
            f"{file}: more than {MOST_BYTES // 2**20} MB: no device tells so much of its radios"
        )
    if not head.strip():
        raise WrongRecording(f"{file}: an empty file; {EXPECTED} ({HOW})")
    if head.startswith(_PACKED):
        raise WrongRecording(f"{file}: a packed file: unpack it first")
    if head.startswith(_UTF_16):
        raise WrongRecording(f"{file}: UTF-16 text: save it as UTF-8, or record it on Linux ({HOW})")
    if b"\0" in head:
        raise WrongRecording(f"{file}: a binary file; {EXPECTED} ({HOW})")
