"""The keys that say how to reach a device -> :class:`DeviceConfig`. No secret may stand in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from inventory.credentials import REFERENCE
from inventory.findings import Findings
from inventory.model import DeviceConfig
from inventory.schema import ReachWords
from inventory.site_error import Steps
from inventory.yaml_text import Node, plain

DriverSchemas = Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]
"""Driver name -> its check of the options: returns them typed, or raises ValueError with one sentence.
It gets text, as the file has it: the driver types its own words."""

_SECRET: Final = re.compile(
    r"passw|passphrase|secret|private_?key|token|community|psk|api_?key|auth_?key|priv_?key", re.IGNORECASE
)


def device_config(
    name: str, words: ReachWords, node: Node, steps: Steps, schemas: DriverSchemas, found: Findings
) -> DeviceConfig | None:
    """The device; None after saying what is wrong."""
    for key in ("driver", "address"):
        if getattr(words, key) is None:
            found.add(node, (*steps, key), f"the key {key}", "nothing")
    options = _options(words, node, steps, schemas, found)
    if words.driver is None or words.address is None or options is None:
        return None
    return DeviceConfig(
        id=name,
        driver=words.driver,
        address=words.address,
        credential=words.credential,
        options=MappingProxyType(dict(options)),
    )


def check_no_secrets(node: Node, steps: Steps, found: Findings) -> bool:
    """Refuses keys that sound like a secret, unless their value is a reference; True: none."""
    inline = list(_inline(node, steps))
    for child, path in inline:
        found.add(child, path, "a reference cred:NAME, no secret in the file", "*** (not shown)")
    return not inline


def _inline(node: Node, steps: Steps) -> Iterator[tuple[Node, Steps]]:
    if isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            yield from _inline(child, (*steps, index))
    for key, child in node.mapping.items():
        is_reference = isinstance(child.value, str) and REFERENCE.fullmatch(child.value)
        if _SECRET.search(key) and not is_reference:
            yield child, (*steps, key)
        else:
            yield from _inline(child, (*steps, key))


def _options(
    words: ReachWords, node: Node, steps: Steps, schemas: DriverSchemas, found: Findings
) -> Mapping[str, Any] | None:
    """The options as the driver's own check returns them; None after saying what is wrong."""
    place, path = node.at(("options",)), (*steps, "options")
    clean = "options" not in node.mapping or check_no_secrets(place, path, found)
    options = plain(place) if words.options is not None else {}
    if words.profile is not None and "profile" in options:
        found.add(
            place.at(("profile",)), (*path, "profile"), "the profile once", "profile and options.profile"
        )
    if words.profile is not None:
        options = {**options, "profile": words.profile}
    if words.driver is None:
        return None
    if (schema := schemas.get(words.driver)) is None:
        known = ", ".join(sorted(schemas)) or "none installed"
        found.add(node.at(("driver",)), (*steps, "driver"), f"an installed driver ({known})")
        return None
    try:
        return schema(options) if clean else None
    except ValueError as error:
        found.refusal(error, place, path, f"driver {words.driver}")
    except Exception as error:  # other people's code: a mistake there must not end whoever reads the file
        failed = ValueError(f"its check failed with {type(error).__name__}: {error}")
        found.refusal(failed, place, path, f"driver {words.driver}")
    return None
