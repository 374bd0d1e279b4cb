"""What a caller of the control socket is told when something was not done: a code and one sentence."""

from __future__ import annotations

from typing import Final

MALFORMED: Final = "malformed"  # not one line of JSON with op and args
TOO_LARGE: Final = "too_large"
TOO_SLOW: Final = "too_slow"
BUSY: Final = "busy"  # too many connections
UNKNOWN_OP: Final = "unknown_op"
INTERNAL: Final = "internal"  # a bug; the log has the rest


class OperationError(Exception):
    """Root: an operation that was not done. Its message is one sentence that says what to do."""

    code = INTERNAL


class BadArgs(OperationError, ValueError):
    """The arguments make no sense: correct them."""

    code = "bad_args"


class NotFound(OperationError, LookupError):
    """No such site, AP, radio, change or token."""

    code = "not_found"


class Refused(OperationError):
    """A guard, the change table or the law says no. The same call will be refused again."""

    code = "refused"


class NotAllowed(OperationError, PermissionError):
    """This caller may not do this."""

    code = "not_allowed"


class DeviceFailed(OperationError):
    """The access point did not do its part; the message says which part."""

    code = "device_failed"


class Unavailable(OperationError):
    """Not now: the store or the audit log cannot be written, or the daemon is stopping. Try again."""

    code = "unavailable"
