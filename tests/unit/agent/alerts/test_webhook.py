"""What a webhook's answers mean, and what never shows of its secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import responses

from agent.alert import Alert
from agent.alerts.notice import Notice
from agent.alerts.outbox import Undelivered
from agent.alerts.webhook import Webhook
from inventory.credentials import Secret

URL = "https://hook.example/services/pa55"
NOTICE = Notice(alert=Alert(utc_us=0, site="lab", text="look"))


@pytest.fixture
def there() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_the_bearer_is_sent(there: responses.RequestsMock) -> None:
    wanted = responses.matchers.header_matcher({"Authorization": "Bearer t0ken"})
    there.post(URL, status=204, match=[wanted])
    Webhook(URL, Secret("t0ken"), "srv").send(NOTICE)


def test_without_a_credential_there_is_no_header(there: responses.RequestsMock) -> None:
    there.post(URL, status=200)
    Webhook(URL, None, "srv").send(NOTICE)
    assert "Authorization" not in there.calls[0].request.headers


@pytest.mark.parametrize(
    ("status", "again"), [(500, True), (503, True), (429, True), (400, False), (401, False), (302, False)]
)
def test_an_answer_that_is_no_yes(there: responses.RequestsMock, status: int, again: bool) -> None:
    there.post(URL, status=status, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(Undelivered, match=f"^hook.example answered {status}$") as failed:
        Webhook(URL, Secret("t0ken"), "srv").send(NOTICE)
    assert failed.value.again is again
    assert len(there.calls) == 1


def test_no_answer_is_tried_again_and_names_no_secret(there: responses.RequestsMock) -> None:
    there.post(URL, body=requests.ConnectionError(f"cannot reach {URL}"))
    with pytest.raises(Undelivered) as failed:
        Webhook(URL, Secret("t0ken"), "srv").send(NOTICE)
    assert failed.value.again
    assert str(failed.value) == "hook.example: ConnectionError"
    assert failed.value.__suppress_context__
