"""Files that are no files, files that others could write, and what a hostile site file asks for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import state_dir
from agent.audit_key import KeyRefused, load_or_create_key
from drivers import registry
from inventory.credentials import CredentialContentError, CredentialUnsafeError, resolve
from inventory.loader import SiteErrors, load, load_sites

ROOT = Path(__file__).parents[2]
LAB = ROOT / "inventory/sites/lab.yaml"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes the owner of a file")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)], ids=["FIFO", "device"]
)
def test_a_site_file_without_an_end_is_refused_at_once(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "lab.yaml")
    with pytest.raises(SiteErrors, match=r"lab\.yaml:1: expected a regular file, got something else"):
        load_sites(tmp_path, registry.schemas())


def test_a_link_to_a_site_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").symlink_to(LAB)
    assert set(load_sites(tmp_path, registry.schemas())) == {"lab"}


HOSTILE = {
    "a merge key is a key like others": (b"site: &a {id: x}\n<<: *a\n", "an unknown key"),
    "no object is made of a tag": (b"site: !!python/object/apply:os.system [id]\n", "expected no tag"),
    "a credential is a name, never a path": (b'credential: "cred:../../etc/shadow"', "cred:"),
    "no file is read for a value": (b"site: !include /etc/passwd\n", "expected no tag"),
}


@pytest.mark.parametrize("why", HOSTILE)
def test_a_hostile_site_file(why: str, tmp_path: Path) -> None:
    raw, said = HOSTILE[why]
    path = tmp_path / "x.yaml"
    path.write_bytes(raw if b"credential" not in raw else _with(raw))
    with pytest.raises(SiteErrors) as caught:
        load(path, registry.schemas())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "entry", ["ap{n}: {{radios: {{r: {{}}}}}}", "ap{n}: !x y", "'': {n}"], ids=["incomplete", "tags", "ids"]
)
def test_a_file_full_of_mistakes_is_given_up_after_a_thousand(entry: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("aps:\n" + "".join(f"  {entry.format(n=n)}\n" for n in range(1500)))
    with pytest.raises(SiteErrors) as caught:
        load(path, registry.schemas())
    assert 1 <= len(caught.value.errors) <= 1000


def _with(credential: bytes) -> bytes:
    ap = b"aps:\n  ap1:\n    driver: hostapd\n    address: x\n    " + credential
    return (
        b"version: 1\nsite: {id: x, country: US, timezone: UTC}\n" + ap + b"\n    radios: {r: {band: '5'}}\n"
    )


def test_no_password_may_stand_in_a_site_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(_with(b'credential: "cred:x"\n    options: {password: sesame-canary}'))
    with pytest.raises(SiteErrors) as caught:
        load(path, registry.schemas())
    assert "expected a reference cred:NAME, no secret in the file" in str(caught.value)
    assert "sesame-canary" not in str(caught.value)


@pytest.mark.timeout(20)
def test_a_credential_that_is_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x", mode=0o600)
    with pytest.raises(CredentialContentError, match="not a regular file"):
        resolve("cred:x", environ={}, directory=tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o700, 0o666])
def test_a_credential_that_others_reach_is_refused(mode: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("sesame")
    (tmp_path / "x").chmod(mode)
    with pytest.raises(CredentialUnsafeError, match="chmod 600"):
        resolve("cred:x", environ={}, directory=tmp_path)


@pytest.mark.parametrize("mode", [0o770, 0o757, 0o777])
def test_a_state_directory_that_others_may_write_in_is_refused(mode: int, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    with pytest.raises(state_dir.StateUnsafe, match="chmod go-w"):
        state_dir.made(tmp_path / "state")


def test_a_new_state_directory_is_its_owners(tmp_path: Path) -> None:
    made = state_dir.made(tmp_path / "a" / "state")
    assert made.stat().st_mode & 0o027 == 0
    assert state_dir.made(made) == made


@as_root
def test_a_state_directory_and_a_key_of_someone_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "key").chmod(0o600)
    os.chown(tmp_path / "key", 1234, 1234)
    with pytest.raises(KeyRefused, match="belongs to user 1234"):
        load_or_create_key(tmp_path / "key")
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 1234, 1234)
    with pytest.raises(state_dir.StateUnsafe, match="belongs to user 1234"):
        state_dir.made(tmp_path / "state")


@as_root
def test_root_may_read_the_key_of_the_service_in_the_services_directory(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "key").chmod(0o600)
    os.chown(tmp_path / "key", 1234, 1234)
    os.chown(tmp_path, 1234, 1234)
    assert load_or_create_key(tmp_path / "key").secret == bytes(32)


@pytest.mark.timeout(20)
def test_a_key_that_is_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", mode=0o600)
    with pytest.raises(KeyRefused, match="is not a file"):
        load_or_create_key(tmp_path / "key")
