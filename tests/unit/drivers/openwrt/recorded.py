"""What the lab AP answered, by the call that was made: ../shared. Skips visibly where that is absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from shared_data import shared_data


@cache
def _file(name: str) -> Any:
    return json.loads(shared_data("openwrt", name).read_text())


def of_ssh(name: str, command: str) -> Mapping[str, Any]:
    """What `ubus call` printed."""
    record = next(each for each in _file(name)["records"] if each["cmd"] == command)
    said: Mapping[str, Any] = record["json"]
    return said


def text_of(name: str, command: str) -> str:
    """What a program printed."""
    return str(next(each for each in _file(name)["records"] if each["cmd"] == command)["out"])


def rpc(label: str) -> tuple[Any, Any]:
    """(request, answer) of one HTTP exchange."""
    record = next(each for each in _file("http-ubus.json")["records"] if each["label"] == label)
    return record["request"]["body"], record["response"]


def step(experiment: str, number: int, name: str = "csa-dfs.json") -> Any:
    """The answer of one step of an experiment: JSON-RPC's result, or what a program printed."""
    found = _file(name)["experiments"][experiment]["steps"][number]
    return found["response"] if found.get("via") == "http" else found.get("out")


def data(answer: Any) -> Mapping[str, Any]:
    """Of [0, data]."""
    status, found = answer["result"]
    assert status == 0
    said: Mapping[str, Any] = found
    return said


def whole(name: str) -> Any:
    return _file(name)


def plain(name: str) -> str:
    return shared_data("openwrt", name).read_text()
