"""Long runs of what a pattern may try again and again: no answer keeps the event loop busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from fuzz.test_hostapd import PARSERS
from fuzzing import SLOWEST_S

from drivers.errors import Garbage
from drivers.hostapd import parse_event as of_hostapd
from drivers.netconf.parse_hello import offers
from drivers.netconf.parse_xml import tree
from drivers.openwrt import parse_event, parse_rpc
from drivers.openwrt.ubus import Call
from drivers.snmp import parse_recording, parse_value
from drivers.snmp.source import Source

LONG = 30_000
RUNS = (
    *("\n", " ", "\t", "9", "a", "=", ":", "(", "\\", "\0", ">", "<", "[", "{", '"', ".", "-", "02:", "BSS "),
    *(
        "\n\t",
        "\n ",
        " \n",
        "a ",
        "a=",
        "=rrmd ",
        "=rrmd 0\n",
        "phy#0\n",
        "\nphy#",
        "Interface a\n",
        "\t\t\n",
    ),
    *("* 5180 MHz", "\n\t* ", "\n\t\t", "Band 1:\n", "\tBand 1:\n", "\tVHT operation:\n", "bss[0]=", "nr=00"),
    *(
        "02:00:00:00:00:00\n",
        "02:00:00:00:00:00 nr=",
        "urn:",
        "&module=",
        "?",
        "> ",
        "IFNAME=a ",
        "\x1b[0",
        "1.",
    ),
    *(".1 = ", '.1.3 = STRING: "\n', ".1.3 = Hex-STRING: 00\n", "00 \n", "freq=", "hostapd: "),
)
HEADS = {
    **{name: ("", max(texts, key=len)[:200]) for name, (_, texts, _) in PARSERS.items()},
    "recording": ("", '.1.3.6 = STRING: "', ".1.3.6 = Hex-STRING: ", "1.3.6|4|", ".1"),
    "capability": ("urn:ietf:params:netconf:capability:", "a?"),
    "xml": ("", "<a>", "<a b='"),
}
CALL = Call(object="iwinfo", method="info")
ALL: dict[str, Callable[[str], object]] = {
    **{name: parser for name, (parser, _, _) in PARSERS.items()},
    "event": of_hostapd.event,
    "log": parse_event.of_log,
    "ubus call": lambda text: parse_rpc.cli_answer(CALL, 0, text),
    "ubus subscribe": lambda text: parse_rpc.cli_event("hostapd.x", text),
    "ubus body": lambda text: parse_rpc.answers(text.encode(), {7: CALL}),
    "recording": parse_recording.parse,
    "mac": lambda text: parse_value.mac_of(text.encode()),
    "value": lambda text: parse_value.converted(Source.model_validate({"column": "1"}), text.encode()),
    "capability": lambda text: offers([text]),
    "xml": tree,
}


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_long_run_of_anything_is_read_in_no_time(name: str) -> None:
    slow = {}
    for head in HEADS.get(name, ("",)):
        for run in RUNS:
            text = head + run * (LONG // len(run)) + "!"
            start_s = time.thread_time()
            with suppress(Garbage):
                ALL[name](text)
            taken_s = time.thread_time() - start_s
            if taken_s > SLOWEST_S:
                slow[head[:20], run] = round(taken_s, 2)
    assert slow == {}
