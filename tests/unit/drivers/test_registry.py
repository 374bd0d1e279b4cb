"""Driver families from entry points: a bad plugin costs only itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from email.message import Message
from importlib.metadata import Distribution, EntryPoint
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import structlog.testing

from drivers.registry import GROUP, Registry, UnusableFamily, discover
from drivers.types import Capabilities


class Package(Distribution):
    """An installed distribution, as far as an entry point asks."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def metadata(self) -> Any:
        found = Message()
        found["Name"] = self._name
        return found

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError


def check_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return options


def make_family(called: str, **instead: Any) -> SimpleNamespace:
    good: dict[str, Any] = {
        "name": called,
        "summary": "made for a test",
        "capabilities": Capabilities(tables=frozenset(), settings={}),
        "check_options": check_options,
        "device": lambda context: None,
    }
    return SimpleNamespace(**{key: value for key, value in (good | instead).items() if value is not None})


@pytest.fixture
def plugins() -> Iterator[ModuleType]:
    """A module for plugins to be in."""
    module = ModuleType("plugins_of_a_test")
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def point(
    name: str, attribute: str, package: str = "someone", module: str = "plugins_of_a_test"
) -> EntryPoint:
    made = EntryPoint(name, f"{module}:{attribute}", GROUP)
    vars(made).update(dist=Package(package))
    return made


def found(*points: EntryPoint) -> Registry:
    with structlog.testing.capture_logs():
        return discover(points)


def test_families_come_by_name(plugins: ModuleType) -> None:
    plugins.__dict__.update(one=make_family("one"), two=make_family("two"))
    registry = found(point("one", "one"), point("two", "two"))
    assert sorted(registry.families) == ["one", "two"]
    assert registry.broken == {}
    assert registry.family("one").name == "one"
    assert registry.schemas()["two"]({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ("absent", "does not load: AttributeError"),
        ("nameless", "it calls itself None"),
        ("misnamed", "it calls itself 'other'"),
        ("deviceless", r"it has no device\(\)"),
        ("uncheckable", r"it has no check_options\(\)"),
        ("silent", "it has no summary"),
        ("boundless", "its capabilities are no"),
    ],
)
def test_a_bad_plugin_costs_only_itself(plugins: ModuleType, attribute: str, reason: str) -> None:
    plugins.__dict__.update(
        good=make_family("good"),
        nameless=make_family("bad", name=None),
        misnamed=make_family("other"),
        deviceless=make_family("bad", device=None),
        uncheckable=make_family("bad", check_options=None),
        silent=make_family("bad", summary=None),
        boundless=make_family("bad", capabilities=None),
    )
    with structlog.testing.capture_logs() as logged:
        registry = discover([point("bad", attribute), point("good", "good")])
    assert list(registry.families) == ["good"]
    with pytest.raises(UnusableFamily, match=reason):
        registry.family("bad")
    assert [(entry["event"], entry["driver"]) for entry in logged] == [("driver.refused", "bad")]


@pytest.mark.parametrize("error", [ImportError("no such library"), SystemExit(3), RuntimeError("at import")])
def test_a_plugin_that_fails_at_import_costs_only_itself(plugins: ModuleType, error: BaseException) -> None:
    def fail(name: str) -> Any:
        raise error

    plugins.__dict__.update(good=make_family("good"))
    failing = ModuleType("plugin_that_fails")
    failing.__dict__["__getattr__"] = fail
    sys.modules["plugin_that_fails"] = failing
    try:
        registry = found(point("bad", "family", module="plugin_that_fails"), point("good", "good"))
    finally:
        del sys.modules["plugin_that_fails"]
    assert list(registry.families) == ["good"]
    assert type(error).__name__ in registry.broken["bad"]


def test_a_name_claimed_by_two_strangers_is_nobodys(plugins: ModuleType) -> None:
    plugins.__dict__.update(one=make_family("ap"), two=make_family("ap"), good=make_family("good"))
    registry = found(point("ap", "one", "acme"), point("ap", "two", "zeta"), point("good", "good"))
    assert list(registry.families) == ["good"]
    assert "claimed by acme (plugins_of_a_test:one), zeta (plugins_of_a_test:two)" in registry.broken["ap"]


@pytest.mark.parametrize("order", [1, -1])
def test_our_own_name_cannot_be_taken(plugins: ModuleType, order: int) -> None:
    own = make_family("hostapd")
    plugins.__dict__.update(own=own, other=make_family("hostapd"))
    points = [point("hostapd", "own", "rrmd"), point("hostapd", "other", "acme")][::order]
    registry = found(*points)
    assert registry.families == {"hostapd": own}
    assert list(registry.broken) == ["hostapd (acme)"]


def test_the_same_entry_point_seen_twice_is_one(plugins: ModuleType) -> None:
    plugins.__dict__.update(one=make_family("one"))
    assert list(found(point("one", "one"), point("one", "one")).families) == ["one"]


def test_an_unknown_driver_is_told_what_there_is(plugins: ModuleType) -> None:
    plugins.__dict__.update(one=make_family("one"))
    with pytest.raises(UnusableFamily, match="no driver two; there are one"):
        found(point("one", "one")).family("two")
