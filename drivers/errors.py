"""One tree of driver errors, by what the caller should do about it."""

from __future__ import annotations

from inventory.known_secrets import masked


class DriverError(Exception):
    """Root. Never raised itself. Whatever of a device's words goes into the message, no credential of ours
    does: a device can quote what it was sent."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(masked(each) if isinstance(each, str) else each for each in args))


class TryAgain(DriverError):
    """A passing fault. Reads may be repeated; after a write, read back before anything else."""


class DeviceTimeout(TryAgain, TimeoutError):
    """No answer within the limit. What was sent may still have been done."""


class Disconnected(TryAgain, ConnectionError):
    """The session ended. Open a new one; what was sent may have been done."""


class DriverBug(TryAgain):
    """The driver raised something that its contract does not know. What was sent may have been done."""


class NeverAgain(DriverError):
    """The same call will fail the same way: do not repeat it."""


class Refused(NeverAgain):
    """The device said no and did nothing. The message is the device's own words, shortened."""


class Conflict(NeverAgain):
    """The device no longer says what the edit expects; nothing was written."""


class Unsupported(NeverAgain):
    """The driver declared beforehand that it can't do this; a caller that asks all the same has a bug."""


class Garbage(NeverAgain, ValueError):
    """An answer that makes no sense; nothing of it was used."""


class PersonNeeded(DriverError):
    """Someone must act: repair the credential, the host key, the address."""


class AuthenticationFailed(PersonNeeded):
    """The device did not accept the credential."""


class IdentityChanged(PersonNeeded):
    """The device is not the one known before (host key, serial). Nothing was sent to it."""


class IdentityUnknown(PersonNeeded):
    """Nobody has said yet what this device's identity is. The message holds the line to add, once it was
    compared with the device's own. Nothing was sent to it."""
