"""Where alerts go beside the journal and `rrmd status`: the ways out that the settings name."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from agent.alert import Alert
from agent.alerts.outbox import Channel, Outbox
from agent.alerts.syslog import Syslog
from agent.alerts.webhook import Webhook
from agent.settings import Settings
from inventory.credentials import resolve


class AlertSinks:
    """Hands alerts to every channel, each of which folds its own. ``now_s()``: monotonic."""

    def __init__(self, channels: Sequence[Channel], now_s: Callable[[], float]) -> None:
        self.outboxes = [Outbox(channel) for channel in channels]
        self._now_s = now_s

    def raised(self, alert: Alert) -> None:
        """Returns at once, on the event loop."""
        now_s = self._now_s()
        for outbox in self.outboxes:
            outbox.raised(alert, now_s)

    def close(self) -> None:
        """What waits gets a last chance; blocks for a quarter of a minute per channel at most."""
        for outbox in self.outboxes:
            outbox.close()


def channels_of(settings: Settings) -> list[Channel]:
    """Those that the settings name. Raises CredentialError."""
    host, found = socket.gethostname(), list[Channel]()
    if settings.alert_syslog is not None:
        found.append(Syslog(settings.alert_syslog, host))
    if settings.alert_webhook is not None:
        reference = settings.alert_webhook_credential
        bearer = resolve(reference) if reference else None
        found.append(Webhook(settings.alert_webhook, bearer, host))
    return found
