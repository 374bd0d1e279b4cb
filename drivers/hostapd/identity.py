"""What is asked of a device first: who it is, and what it runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from drivers.errors import Garbage, PersonNeeded
from drivers.hostapd.parse import Section
from drivers.hostapd.render import Tools

T = TypeVar("T")
_MODEL_FILES: Final = (
    "/tmp/sysinfo/model",  # noqa: S108 -- where OpenWrt keeps it
    "/sys/firmware/devicetree/base/model",
    "/sys/class/dmi/id/product_name",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """``is_root``: of the user whom rrmd is there; False where that was not told."""

    vendor: str
    model: str
    version: str
    is_root: bool


def questions(tools: Tools) -> dict[str, str]:
    return {
        "dev": tools.iw_line("dev"),
        "uptime": "cat /proc/uptime",
        "version": f"{tools.version} | head -n 1",
        "os": "cat /etc/os-release",
        "uid": "id -u",
        "model": f"cat {' '.join(_MODEL_FILES)}",
    }


def identity(answers: Mapping[str, Section]) -> Identity:
    """What is not told has a plain name of its own."""
    text = {name: answers[name].text if name in answers else "" for name in ("os", "model", "version", "uid")}
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text["os"], re.M))
    model = re.search(r"^(?!cat: )[^\0\n]+", text["model"], re.M)
    return Identity(
        vendor=release.get("NAME", "Linux"),
        model=model[0].strip() if model else "hostapd AP",
        version=text["version"].strip(),
        is_root=text["uid"].strip() == "0",
    )


def required(answers: Mapping[str, Section], name: str, parser: Callable[[str], T]) -> T:
    """Of an answer without which nothing can be done."""
    answer = answers.get(name)
    if answer is None or answer.status != 0:
        words = answer.text.strip()[:120] if answer else "no answer"
        raise PersonNeeded(
            f"`{name}` cannot be asked: {words}. Is iw installed, and is the user allowed to run it?"
        )
    return parser(answer.text)


def uptime_s(text: str) -> float:
    found = re.match(r"(\d{1,12}\.\d+) ", text, re.ASCII)
    if found is None:
        raise Garbage(f"/proc/uptime says {text[:80]!r}")
    return float(found[1])
