"""An alert on its way out: as a line for syslog, as JSON for a webhook; the same one not twice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """The last of a kind that was let out. ``notice`` None: it got lost. ``folded``: left out since."""

    at_s: float
    notice: Notice | None
    folded: int = 0


class Folding:
    """Lets one alert of a kind out per ``within_s``; counts those that it keeps back, and those lost."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._out: dict[Kind, _Last] = {}

    def admit(self, alert: Alert, now_s: float) -> Notice | None:
        """None: the same was told a short while ago. A reminder has waited already."""
        if alert.again:
            return Notice(alert=alert)
        kind = _kind(alert)
        last = self._out.get(kind)
        if last and last.notice and now_s - last.at_s < self._within_s:
            self._out[kind] = replace(last, folded=last.folded + 1)
            return None
        self._forget(now_s)
        notice = Notice(alert=alert, folded=last.folded if last else 0)
        self._out[kind] = _Last(at_s=now_s, notice=notice)
        return notice

    def lost(self, notice: Notice) -> None:
        """It did not get out: the next of its kind may at once, unless a later one is on its way."""
        kind = _kind(notice.alert)
        last = self._out.get(kind)
        if last and not notice.alert.again:
            waits = None if notice is last.notice else last.notice
            self._out[kind] = replace(last, notice=waits, folded=last.folded + notice.folded + 1)

    def _forget(self, now_s: float) -> None:
        """Kinds of which nothing was heard for two spans; until then their count is still wanted."""
        self._out = {k: last for k, last in self._out.items() if now_s - last.at_s < 2 * self._within_s}


def _kind(alert: Alert) -> Kind:
    return (alert.site, alert.text, alert.radio, alert.change_id)
