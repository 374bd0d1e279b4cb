"""No parser is left out: whoever adds one adds its malformed inputs here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MORE = (
    *("transport/ber", "transport/snmp_message", "transport/traps_message", "transport/traps_check"),
    *("transport/netconf_framing", "snmp/notify", "snmp/identity", "openwrt/identity", "hostapd/identity"),
    "openwrt/ubus_http",
)
PARSERS = sorted(
    {
        *(path.relative_to(ROOT) for path in (ROOT / "drivers").rglob("parse*.py")),
        *(Path("drivers") / f"{name}.py" for name in MORE),
    }
)


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


@pytest.mark.parametrize("parser", [str(path) for path in PARSERS])
def test_each_parser_is_fed(parser: str) -> None:
    module = parser.removesuffix(".py").replace("/", ".")
    fed = {name for path in Path(__file__).parent.glob("test_*.py") for name in imported(path.read_text())}
    assert (ROOT / parser).exists()
    assert module in fed, f"no test below tests/fuzz feeds {parser}"
