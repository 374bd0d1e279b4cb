"""What the HTTP transport makes of answers that are not 200, and of bodies. No socket."""

from __future__ import annotations

import pytest
import requests
import responses

from drivers.errors import DeviceTimeout, Disconnected, DriverError, Garbage, PersonNeeded, Refused, TryAgain
from drivers.transport.rest import ANSWER_LIMIT, NoStream, RestTarget, _Wire

TARGET = RestTarget(name="ap1", host="ap1.example", port=443)
URL = "https://ap1.example:443/ubus"


def _post() -> bytes:
    return _Wire(TARGET).post("/ubus", b"{}", 5.0, {})


@responses.activate
def test_a_body() -> None:
    responses.post(URL, body=b'{"a":1}')
    assert _post() == b'{"a":1}'


@responses.activate
@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (301, PersonNeeded, "points elsewhere"),
        (404, PersonNeeded, "installed"),
        (403, PersonNeeded, "lets nobody in"),
        (413, Refused, "HTTP 413"),
        (500, TryAgain, "HTTP 500"),
    ],
)
def test_what_is_not_200(status: int, error: type[DriverError], words: str) -> None:
    responses.post(URL, status=status, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(error, match=words):
        _post()
    assert len(responses.calls) == 1  # neither repeated nor followed


@responses.activate
def test_a_body_that_is_too_long() -> None:
    responses.post(URL, body=b"x" * (ANSWER_LIMIT + 1))
    with pytest.raises(Garbage, match="more than"):
        _post()


@responses.activate
@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (requests.exceptions.ReadTimeout("slow"), DeviceTimeout),
        (requests.exceptions.ConnectTimeout("far"), DeviceTimeout),
        (requests.exceptions.ConnectionError("gone"), Disconnected),
        (requests.exceptions.ChunkedEncodingError("cut"), Disconnected),
        (requests.exceptions.InvalidHeader("odd"), Garbage),
    ],
)
def test_what_the_library_raises(raised: Exception, error: type[DriverError]) -> None:
    responses.post(URL, body=raised)
    with pytest.raises(error, match="ap1"):
        _post()


@responses.activate
def test_what_is_no_event_stream_is_told_with_its_reason() -> None:
    responses.get(f"{URL}/subscribe/x", json={"code": -13}, content_type="application/json")
    with pytest.raises(NoStream) as caught:
        _Wire(TARGET).start("/ubus/subscribe/x", 5.0, {})
    assert b"-13" in caught.value.body


@pytest.mark.parametrize(
    ("host", "url"), [("ap1", "https://ap1:8443"), ("fe80::1", "https://[fe80::1]:8443")]
)
def test_the_url_of_an_address(host: str, url: str) -> None:
    assert RestTarget(name="ap1", host=host, port=8443).url == url
