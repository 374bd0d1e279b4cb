"""Which radio a trap is about. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers.snmp.parse_radio import Located, text_of
from drivers.snmp.parse_value import Result
from inventory.channels import Block
from inventory.model import Band, RadioKey


@dataclass(slots=True)
class Whereabouts:
    """The radios of a device by all that a trap can name them with. ``one_ap``: the device is itself the AP,
    so that a trap that names no radio is about its own."""

    one_ap: bool
    bands: Mapping[RadioKey, Band]
    on_air: Mapping[RadioKey, Block]
    """What each was last seen on; a radio that was not is not in it."""
    _by_fact: Mapping[tuple[str, str], frozenset[RadioKey]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        radios: Iterable[tuple[RadioKey, Band, Located]],
        on_air: Mapping[RadioKey, Block],
        *,
        one_ap: bool,
    ) -> Whereabouts:
        """``radios``: those of the inventory, and what the device calls them."""
        found: dict[tuple[str, str], set[RadioKey]] = defaultdict(set)
        bands = {}
        for key, band, one in radios:
            bands[key] = band
            for name, value in _facts(one, band).items():
                found[name, _same(value)].add(key)
        by_fact = {fact: frozenset(keys) for fact, keys in found.items()}
        return cls(one_ap=one_ap, bands=bands, on_air=on_air, _by_fact=by_fact)

    def named(self, said: Mapping[str, Result]) -> frozenset[RadioKey]:
        """Radios that all that was said agrees with; none: they are not in the inventory."""
        sets = [self._by_fact.get((name, _same(value)), frozenset()) for name, value in said.items()]
        return frozenset.intersection(*sets) if sets else frozenset()


def _facts(one: Located, band: Band) -> Mapping[str, Result]:
    own: dict[str, Result | None] = {
        "ap_mac": one.ap_mac,
        "ap_name": one.ap_name,
        "name": one.name,
        "band": str(band),
    }
    return {**one.row.parts, **{name: value for name, value in own.items() if value is not None}}


def _same(value: Result) -> str:
    """One spelling for values that are equal."""
    return text_of(value).strip().casefold()
