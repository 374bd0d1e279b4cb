"""An alert on its way out: as a line for syslog, as JSON for a webhook; the same one not twice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent.alert import Alert
from agent.moment import EPOCH

PRIORITY = 3 * 8 + 3
"""RFC 5424, 6.2.1: facility daemon (3), severity error (3)."""
IDENT = "rrmd"
LONGEST = 1000

Kind = tuple[str, str, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """``folded``: how many of the same were left out before this one."""

    alert: Alert
    folded: int = 0

    @property
    def utc(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.alert.utc_us)

    @property
    def text(self) -> str:
        """One line: site, radio, what is the matter, and the change that it is about."""
        alert = self.alert
        where = alert.radio or alert.site
        change = f" (change {alert.change_id})" if alert.change_id else ""
        again = f" ({self.folded} more of the same before)" if self.folded else ""
        told = f" (told {alert.again} times before: `rrmd acknowledge`)" if alert.again else ""
        return " ".join(f"{where}: {alert.text}{change}{again}{told}".split())[:LONGEST]


def local_line(notice: Notice, pid: int) -> bytes:
    """What /dev/log takes; the log daemon adds time and host."""
    return f"<{PRIORITY}>{IDENT}[{pid}]: {notice.text}".encode()


def network_line(notice: Notice, host: str, pid: int) -> bytes:
    """RFC 5424: version, time, host, application, process, message id, no structured data, text."""
    utc = notice.utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"<{PRIORITY}>1 {utc} {host} {IDENT} {pid} alert - {notice.text}".encode()


def body(notice: Notice, host: str) -> Mapping[str, Any]:
    """What a webhook is sent; docs/service.md explains each key."""
    alert = notice.alert
    return {
        "version": 1,
        "source": IDENT,
        "host": host,
        "utc": notice.utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "site": alert.site,
        "radio": alert.radio,
        "change_id": alert.change_id,
        "text": alert.text,
        "folded": notice.folded,
        "again": alert.again,
    }


class Folding:
    """Lets one alert of a kind out per ``within_s``; counts those that it keeps back."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._out: dict[Kind, tuple[float, int]] = {}

    def admit(self, alert: Alert, now_s: float) -> Notice | None:
        """None: the same was told a short while ago. A reminder has waited already."""
        if alert.again:
            return Notice(alert=alert)
        kind = (alert.site, alert.text, alert.radio, alert.change_id)
        told_s, folded = self._out.get(kind, (float("-inf"), 0))
        if now_s - told_s < self._within_s:
            self._out[kind] = (told_s, folded + 1)
            return None
        self._forget(now_s)
        self._out[kind] = (now_s, 0)
        return Notice(alert=alert, folded=folded)

    def _forget(self, now_s: float) -> None:
        """Kinds of which nothing was heard for two spans; until then their count is still wanted."""
        self._out = {k: out for k, out in self._out.items() if now_s - out[0] < 2 * self._within_s}
