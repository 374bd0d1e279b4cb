"""Which code the caller of an operation gets for an exception; what is not here is a bug."""

from __future__ import annotations

from typing import Final

from agent.api import errors
from agent.audit import AuditUnavailable
from agent.change import IllegalTransition
from agent.store.errors import (
    LeaseHeld,
    RadioBusy,
    StaleChange,
    StoreConflict,
    StoreUnavailable,
    TokenExpired,
    TokenSpent,
)
from drivers.errors import DriverError
from inventory.credentials import CredentialError

_CODES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (IllegalTransition, errors.Refused.code),
    (RadioBusy, errors.Refused.code),
    (TokenSpent, errors.Refused.code),
    (TokenExpired, errors.Refused.code),
    (StaleChange, errors.Refused.code),
    (StoreConflict, errors.Refused.code),
    (LeaseHeld, errors.Refused.code),
    (StoreUnavailable, errors.Unavailable.code),
    (AuditUnavailable, errors.Unavailable.code),
    (DriverError, errors.DeviceFailed.code),
    (CredentialError, errors.DeviceFailed.code),
)


def code_of(error: Exception) -> str:
    if isinstance(error, errors.OperationError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), errors.INTERNAL)
