"""What the service is installed with: locked, hashed, known by name and licence."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import Marker
from packaging.requirements import Requirement

from agent.lock import Locked, locked
from agent.make_sbom import document, normal

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "systemd/requirements.lock").read_text()
BOM = (ROOT / "systemd/sbom.cdx.json").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENTRIES = {entry.name: entry for entry in locked(LOCK)}
WANTED = [
    Requirement(line) for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["postgresql"])
]


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_the_lock_is_within_the_ranges_of_the_project(wanted: Requirement) -> None:
    """Else run `make lock sbom`."""
    assert wanted.specifier.contains(ENTRIES[normal(wanted.name)].version)


def test_what_is_locked_asks_for_nothing_else() -> None:
    """Of what is installed here at the locked version, each dependency is locked too."""
    for there in distributions():
        entry = ENTRIES.get(normal(there.metadata["Name"]))
        if entry is None or entry.version != there.version:
            continue
        needs = [Requirement(line) for line in there.requires or ()]
        ours = [each for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})]
        assert {normal(each.name) for each in ours} <= ENTRIES.keys(), entry.name


def test_the_lock_names_no_place() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^--(?!hash)|^\s*-[a-z] |@ ", LOCK, re.M)


def test_each_marker_is_one() -> None:
    for entry in ENTRIES.values():
        assert entry.marker is None or Marker(entry.marker)


@pytest.mark.parametrize(
    "line", ["x==1", "x>=1 --hash=sha256:" + "0" * 64, "x @ file:///x", "x==1 --hash=md5:0"]
)
def test_a_line_without_a_version_or_a_hash_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="expected name==version and its hashes"):
        list(locked(line))


def test_a_locked_line() -> None:
    text = (
        "a-b==1.2 ; sys_platform == 'win32' \\\n    --hash=sha256:"
        + "f" * 64
        + " \\\n    --hash=sha256:"
        + "0" * 64
    )
    (entry,) = locked(text)
    marker = "sys_platform == 'win32'"
    assert entry == Locked(name="a-b", version="1.2", marker=marker, sha256=("0" * 64, "f" * 64))


def test_the_bill_of_materials_is_valid() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(BOM) is None


def test_the_bill_of_materials_lists_what_is_locked() -> None:
    """Each with its hashes and a licence; else run `make sbom`."""
    told = {each["name"]: each for each in json.loads(BOM)["components"]}
    ours = {name for name, entry in ENTRIES.items() if entry.marker is None or "win32" not in entry.marker}
    assert told.keys() == ours
    for name, each in told.items():
        assert each["version"] == ENTRIES[name].version
        assert sorted(sha["content"] for sha in each["hashes"]) == list(ENTRIES[name].sha256)
        (licence,) = each["licenses"]
        assert licence.get("expression") or licence["license"]["name"] != "unknown", name


def test_the_bill_of_materials_is_the_same_each_time() -> None:
    assert "timestamp" not in BOM
    found = {normal(each.metadata["Name"]): each for each in distributions()}
    here = [
        entry
        for entry in ENTRIES.values()
        if entry.name in found and found[entry.name].version == entry.version
    ]
    assert document(here, found, "1") == document(here, found, "1")
    assert document(here, found, "1")["serialNumber"] != document(here[1:], found, "1")["serialNumber"]


def test_the_service_is_installed_with_it() -> None:
    text = (ROOT / "docs/service.md").read_text()
    assert "pip install --require-hashes --only-binary :all: -r rrmd/systemd/requirements.lock" in text
    assert "pip install --no-deps ./rrmd" in text
