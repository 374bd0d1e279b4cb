"""A reference (``cred:NAME``) -> a :class:`Secret`. The inventory names secrets, it never holds them.

Looked up in this order: ``$CREDENTIALS_DIRECTORY/NAME`` and ``$CREDENTIALS_DIRECTORY/cred_NAME`` (systemd's
LoadCredential of a file, and of a directory under the name ``cred``), the environment variable
``RRMD_CRED_NAME`` (upper case, ``-`` as ``_``), ``/etc/rrmd/cred/NAME``. No message of this module repeats
any part of a secret.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Never, Self

import yaml

from inventory import known_secrets

REFERENCE: Final = re.compile(r"cred:([a-z0-9][a-z0-9-]{0,31})")
DIRECTORY: Final = Path("/etc/rrmd/cred")
MAX_BYTES: Final = 1024 * 1024  # systemd's own limit of one credential

_OTHERS: Final = 0o177  # any of these bits: looser than 0600
_OPEN: Final = frozenset({"user", "context", "auth_protocol", "priv_protocol"})  # beside a secret, and none
_LOGIN_KEYS: Final = ("user", "password", "private_key", "passphrase")


class CredentialError(Exception):
    """A person must act: the credential is missing, unsafe or not what its user needs."""


class CredentialReferenceError(CredentialError, ValueError):
    """The text is not ``cred:NAME``."""


class CredentialMissingError(CredentialError, LookupError):
    """No place holds it; the message names the places."""


class CredentialUnsafeError(CredentialError, PermissionError):
    """Others could read or replace the file; the message says which chmod or chown helps."""


class CredentialContentError(CredentialError, ValueError):
    """It was found, but it cannot be read, is empty, too large, not UTF-8 or not a login."""


class Secret:
    """Text that shows itself only to :meth:`reveal`: not in a log, a traceback, a format or a pickle."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text. Hand it on at once; keep the Secret, not the text."""
        return self.__text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        """Takes the same time wherever two texts of one length differ."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_encoded(self), _encoded(other))

    __hash__ = None  # type: ignore[assignment]  # a hash shows in dict order what equality hides

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a Secret is not pickled: pass its reference on")


def _encoded(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")


def name_of(reference: str) -> str:
    """NAME of ``cred:NAME``."""
    if found := REFERENCE.fullmatch(reference):
        return found[1]
    raise CredentialReferenceError(
        "expected cred:NAME, where NAME has 1 to 32 of a-z, 0-9, - and starts with a letter or digit"
    )


def resolve(
    reference: str, *, environ: Mapping[str, str] = os.environ, directory: Path = DIRECTORY
) -> Secret:
    """The secret behind ``cred:NAME``; one line end after it is not part of it. From now on it is struck out
    of what devices say (`known_secrets`), and so is what `mapping_of` finds in it.

    Raises a CredentialError, whose message says what to do.
    """
    name = name_of(reference)
    for place, text in _found(name, environ, directory):
        if text:
            known_secrets.remember(text)
            return Secret(text)
        raise CredentialContentError(f"{reference}: {place} is empty")
    given = " and ".join(f"$CREDENTIALS_DIRECTORY/{each}" for each in _given_names(name))
    places = f"{given}, ${_variable(name)} and {directory / name}"
    raise CredentialMissingError(f"{reference}: found in none of {places}")


def _found(name: str, environ: Mapping[str, str], directory: Path) -> Iterator[tuple[str, str]]:
    given = environ.get("CREDENTIALS_DIRECTORY")
    for path in [Path(given, each) for each in _given_names(name)] if given else []:
        if (text := _read(path, private=False)) is not None:
            yield str(path), text
    if (variable := _variable(name)) in environ:
        yield f"${variable}", environ[variable]
    if (text := _read(directory / name, private=True)) is not None:
        yield str(directory / name), text


def _given_names(name: str) -> tuple[str, str]:
    """systemd.exec(5): ``LoadCredential=cred:DIRECTORY`` makes ``cred_NAME`` of each file of a directory."""
    return name, f"cred_{name}"


def _variable(name: str) -> str:
    return "RRMD_CRED_" + name.upper().replace("-", "_")


def _read(path: Path, *, private: bool) -> str | None:
    """The file's text, None when there is no such file. ``private``: refuse one that others can reach;
    systemd guards its own directory, and grants the service with an ACL that looks looser."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO must not block us
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CredentialContentError(f"{path} cannot be read: {error.strerror}") from None
    try:
        _check(path, os.fstat(handle), private=private)
        with open(handle, "rb", closefd=False) as file:
            return _text(path, file.read(MAX_BYTES + 1))
    finally:
        os.close(handle)


def _check(path: Path, state: os.stat_result, *, private: bool) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise CredentialContentError(f"{path} is not a regular file")
    if private and state.st_uid not in (0, os.geteuid()):
        raise CredentialUnsafeError(
            f"{path} belongs to user {state.st_uid}: chown it to the service or to root"
        )
    if private and state.st_mode & _OTHERS:
        mode = stat.S_IMODE(state.st_mode)
        raise CredentialUnsafeError(f"{path} has mode {mode:04o}: chmod 600 {path}")


def _text(path: Path, raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise CredentialContentError(f"{path} is larger than {MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise CredentialContentError(f"{path} is not UTF-8 at byte {error.start}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who to be on a device, and what proves it. None: not given."""

    user: str
    password: Secret | None = None
    private_key: Secret | None = None
    passphrase: Secret | None = None


def parse_login(secret: Secret) -> Login:
    """The login that a secret's YAML mapping gives: ``user`` and any of password, private_key, passphrase.

    Values are text as written (``password: 0123`` keeps its 0); a key without a value is not given.
    """
    values = mapping_of(secret, _LOGIN_KEYS, "user, and password or private_key")
    user = values.pop("user", None)
    if user is None:
        raise CredentialContentError("a login needs a user")
    return Login(user=user.reveal(), **values)


def mapping_of(secret: Secret, keys: tuple[str, ...], expected: str) -> dict[str, Secret]:
    """What a secret that is a YAML mapping gives for each of these keys; a key without a value is left out.

    ``expected``: the mapping's content in words, for whom it was forgotten.
    """
    found = dict(_pairs(_mapping(secret, expected), keys))
    if known_secrets.remembers(secret.reveal()):
        for name, value in found.items():
            if name not in _OPEN:
                known_secrets.remember(value.reveal())
    return found


def _pairs(mapping: yaml.MappingNode, keys: tuple[str, ...]) -> Iterator[tuple[str, Secret]]:
    seen: set[str] = set()
    for key, value in mapping.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.value not in keys or key.value in seen:
            raise CredentialContentError(f"line {line}: expected each of {', '.join(keys)} at most once")
        if not isinstance(value, yaml.ScalarNode):
            raise CredentialContentError(f"line {line}: {key.value} is not text")
        seen.add(key.value)
        if value.value:
            yield key.value, Secret(value.value)


def _mapping(secret: Secret, expected: str) -> yaml.MappingNode:
    try:
        node = yaml.compose(secret.reveal(), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        node = None  # raise outside: message and context of this error would quote the secret
    if not isinstance(node, yaml.MappingNode):
        raise CredentialContentError(f"expected a YAML mapping: {expected}")
    return node
