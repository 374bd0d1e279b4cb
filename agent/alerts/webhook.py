"""Alerts to a webhook: one POST with a JSON body each."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from agent.alerts.notice import Notice, body
from agent.alerts.outbox import Undelivered
from inventory.credentials import Secret

CONNECT_S, ANSWER_S = 5.0, 10.0
AGAIN = frozenset({408, 425, 429})
"""Answers below 500 after which the same request may succeed later (RFC 9110, RFC 6585, RFC 8470)."""


class Webhook:
    """``bearer``: goes into the header Authorization. Of the URL only the host is ever shown: with many
    services its path is the secret."""

    name = "webhook"

    def __init__(self, url: str, bearer: Secret | None, host: str) -> None:
        self._url = url
        self._bearer = bearer
        self._host = host
        self._shown = urlsplit(url).hostname

    def send(self, notice: Notice) -> None:
        try:
            with requests.Session() as session:
                session.trust_env = False  # a .netrc would replace our Authorization
                answer = session.post(
                    self._url,
                    json=body(notice, self._host),
                    headers=self._headers(),
                    timeout=(CONNECT_S, ANSWER_S),
                    allow_redirects=False,
                    stream=True,  # whatever it says, only its status counts
                )
                answer.close()
        except requests.RequestException as error:
            raise Undelivered(f"{self._shown}: {type(error).__name__}", again=True) from None
        if not answer.ok or answer.is_redirect:
            status = answer.status_code
            raise Undelivered(f"{self._shown} answered {status}", again=status >= 500 or status in AGAIN)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._bearer.reveal()}"} if self._bearer else {}
