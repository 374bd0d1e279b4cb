"""The guest that the tests of this directory share; see `build_guest.py` for what it needs."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

import pytest
from vm.build_guest import CannotBuild, build, missing_packages
from vm.recipes import PLAIN, SYSTEMD, Recipe

if TYPE_CHECKING:
    from vm.guest import Guest
    from vm.service import Service
    from vm.world import World


def _without_guest(reason: str) -> NoReturn:
    """Skip with one line, or fail where a guest is demanded."""
    if os.environ.get("RRMD_REQUIRE_VM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _can_run(recipe: Recipe) -> None:
    """Skips unless a guest of this recipe can be started; it is built first if it is not in the cache."""
    if lacking := missing_packages(recipe):
        _without_guest(f"no guest: this machine lacks packages: apt-get install {' '.join(lacking)}")
    if importlib.util.find_spec("paramiko") is None:
        _without_guest("no guest: the Python package paramiko is missing")
    try:
        build(recipe)
    except CannotBuild as reason:
        _without_guest(str(reason))


@pytest.fixture(scope="session")
def guests() -> list[Guest]:
    """Those that run, so that one can have the machine for itself."""
    return []


@pytest.fixture(scope="session")
def guest(guests: list[Guest]) -> Iterator[Guest]:
    """A booted guest."""
    _can_run(PLAIN)
    from vm.guest import Guest  # needs paramiko

    with Guest() as machine:
        guests.append(machine)
        yield machine


@pytest.fixture(scope="module")
def service(guests: list[Guest]) -> Iterator[Service]:
    """rrmd installed in a guest with systemd, beside a real access point; the other guests stand still."""
    _can_run(SYSTEMD)
    from vm.guest import Guest
    from vm.installed import write_initrd
    from vm.service import Service

    with ExitStack() as stack:
        for other in guests:
            stack.enter_context(other.frozen())
        machine = stack.enter_context(Guest(SYSTEMD, write_initrd))
        if (why := Service.cannot_run(machine)) is not None:
            _without_guest(why)
        yield Service(machine)


@pytest.fixture(scope="module")
def two_machines(guests: list[Guest]) -> Iterator[Service]:
    """rrmd on a machine of its own, whose state outlives a power cut, and an access point on another; a
    switch takes six seconds from its announcement on. The other guests stand still."""
    _can_run(PLAIN)
    _can_run(SYSTEMD)
    from vm.guest import Guest
    from vm.installed import write_initrd
    from vm.service import Service

    with ExitStack() as stack:
        for other in guests:
            stack.enter_context(other.frozen())
        ap = stack.enter_context(Guest())
        agent = stack.enter_context(Guest(SYSTEMD, write_initrd, disk_mib=64))
        if (why := Service.cannot_run(agent)) is not None:
            _without_guest(why)
        yield Service(agent, ap, csa=60)


@pytest.fixture(scope="session")
def world(guest: Guest) -> World:
    """The guest's radios; every test that changes something begins with `world.reset`."""
    from vm.world import World

    return World(guest)
