"""The installation's root key, and the keys derived from it. There is no default key."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agent.audit_chain import key_id_of
from agent.disk import sync_directory, write_all

KEY_BYTES = 32


Purpose = Literal["audit-mac", "pseudonym", "rollback-token", "snmp-engine", "radar-journal"]


class KeyRefused(Exception):
    """The key file can't be trusted: a person must act as the message says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The installation's root key. ``created``: it was made just now; say so, it needs a backup."""

    secret: bytes = field(repr=False)
    created: bool = False


def derive(key: Key, purpose: Purpose) -> bytes:
    """The 32-byte key for one purpose (HKDF-SHA256, RFC 5869); none tells anything about another."""
    info = f"rrmd {purpose} v1".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(key.secret)


def mac_keys(*keys: Key) -> dict[str, bytes]:
    """The keys as `verify` wants them: by id."""
    return {key_id_of(mac): mac for mac in (derive(key, "audit-mac") for key in keys)}


def load_or_create_key(path: Path) -> Key:
    """The root key in ``path``; made there from the kernel's random numbers when there is none.

    Raises KeyRefused when others can read the file or it does not hold 32 bytes.
    """
    try:
        return _load_key(path)
    except FileNotFoundError:
        return _create_key(path)


def _owners(path: Path) -> set[int]:
    """Whose key it may be: root reads the service's, whose directory it stands in."""
    here = {path.parent.stat().st_uid} if os.geteuid() == 0 else set()
    return {0, os.geteuid()} | here


def _load_key(path: Path) -> Key:
    with open(path, "rb", opener=_unblocked) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyRefused(f"{path} is not a file")
        if status.st_uid not in _owners(path):
            raise KeyRefused(f"{path} belongs to user {status.st_uid}: chown it to the user of rrmd")
        if mode := stat.S_IMODE(status.st_mode) & 0o077:
            raise KeyRefused(f"others may use the key file {path} (mode bits {mode:03o}): chmod 600 {path}")
        secret = file.read(KEY_BYTES + 1)
    if len(secret) != KEY_BYTES:
        raise KeyRefused(f"{path} must hold exactly {KEY_BYTES} bytes; restore it from its backup")
    return Key(secret=secret)


def _unblocked(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO must not hold up the start


def _create_key(path: Path) -> Key:
    """Whole or not at all: linked into place when it is on disk, never over another's."""
    secret = os.urandom(KEY_BYTES)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_new(draft, secret, 0o600)
        try:
            os.link(draft, path)
        except FileExistsError:
            return _load_key(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)
    return Key(secret=secret, created=True)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
