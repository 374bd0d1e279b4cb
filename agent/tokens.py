"""Rollback tokens: the right to undo one change once. The store and the audit keep only their hash.

A token is derived from the change's id and a secret, so the daemon can always show it to those who may use
it, and a stolen store gives none away. Pure.
"""

from __future__ import annotations

import base64
import hmac

LENGTH = 26  # of base32: 130 bits


def token_for(change_id: str, key: bytes) -> str:
    """The rollback token of a change."""
    digest = hmac.digest(key, change_id.encode(), "sha256")
    return base64.b32encode(digest).decode().lower()[:LENGTH]
