"""The guest that the tests of this directory share; see `build_guest.py` for what it needs."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest
from vm.build_guest import CannotBuild, build, missing_packages
from vm.recipes import PLAIN

if TYPE_CHECKING:
    from vm.guest import Guest
    from vm.world import World


def _without_guest(reason: str) -> NoReturn:
    """Skip with one line, or fail where a guest is demanded."""
    if os.environ.get("RRMD_REQUIRE_VM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def guest() -> Iterator[Guest]:
    """A booted guest, built first if it is not in the cache."""
    if lacking := missing_packages(PLAIN):
        _without_guest(f"no guest: this machine lacks packages: apt-get install {' '.join(lacking)}")
    if importlib.util.find_spec("paramiko") is None:
        _without_guest("no guest: the Python package paramiko is missing")
    try:
        build(PLAIN)
    except CannotBuild as reason:
        _without_guest(str(reason))
    from vm.guest import Guest  # needs paramiko

    with Guest() as machine:
        yield machine


@pytest.fixture(scope="session")
def world(guest: Guest) -> World:
    """The guest's radios; every test that changes something begins with `world.reset`."""
    from vm.world import World

    return World(guest)
