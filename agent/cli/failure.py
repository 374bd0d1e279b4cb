"""How a command ends when it did not do what was asked: one line that says what to do, and an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from agent.api import client, errors


class ExitCode(IntEnum):
    """docs/cli.md and `rrmd --help` tell these."""

    FINE = 0
    REFUSED = 1  # a check found something; a change was refused; a device did not answer
    USAGE = 2  # wrong usage or wrong input file
    UNREACHABLE = 3
    NOT_ALLOWED = 4
    INTERNAL = 5


class Failure(Exception):
    """The command ends with ``code`` after these lines on stderr."""

    def __init__(self, code: ExitCode, *lines: str) -> None:
        super().__init__(*lines)
        self.code = code
        self.lines = lines


def usage(*lines: str) -> Failure:
    return Failure(ExitCode.USAGE, *lines)


def wrong_files(lines: Iterable[object]) -> Failure:
    return Failure(ExitCode.USAGE, *map(str, lines))


_BY_ERROR: Final[Mapping[str, ExitCode]] = MappingProxyType(
    {
        errors.MALFORMED: ExitCode.USAGE,
        errors.TOO_LARGE: ExitCode.USAGE,
        errors.UNKNOWN_OP: ExitCode.USAGE,
        errors.BadArgs.code: ExitCode.USAGE,
        errors.NotFound.code: ExitCode.USAGE,
        errors.Refused.code: ExitCode.REFUSED,
        errors.DeviceFailed.code: ExitCode.REFUSED,
        errors.Unavailable.code: ExitCode.REFUSED,
        errors.TOO_SLOW: ExitCode.UNREACHABLE,
        errors.BUSY: ExitCode.UNREACHABLE,
        errors.NotAllowed.code: ExitCode.NOT_ALLOWED,
        errors.INTERNAL: ExitCode.INTERNAL,
    }
)


def of_call(error: client.CallError) -> Failure:
    """The failure that a call's error is to an operator."""
    if isinstance(error, client.CallRefused):
        return Failure(_BY_ERROR.get(error.code, ExitCode.REFUSED), str(error))
    if isinstance(error, client.CallNotAllowed):
        return Failure(ExitCode.NOT_ALLOWED, str(error))
    return Failure(ExitCode.UNREACHABLE, str(error))


def of_os(error: OSError) -> Failure:
    """A file or directory that cannot be used."""
    code = ExitCode.NOT_ALLOWED if isinstance(error, PermissionError) else ExitCode.USAGE
    name = f"{error.filename}: " if error.filename else ""
    return Failure(code, f"{name}{error.strerror or error}")
