"""Which keys of a known_hosts file are a host's: none that is damaged there, another's, or revoked."""

from __future__ import annotations

import pytest
from paramiko import ECDSAKey, HostKeys, PKey, RSAKey

from drivers.transport.ssh_login import _keys_of

RSA, OTHER, ECDSA = RSAKey.generate(1024), RSAKey.generate(1024), ECDSAKey.generate()
HASHED = HostKeys.hash_host("ap1")


def line(hosts: str, key: PKey, more: str = "") -> bytes:
    return f"{hosts} {key.get_name()} {key.get_base64()}{more}\n".encode()


@pytest.mark.parametrize(
    "hosts", ["ap1", "ap1,10.0.0.1", "10.0.0.1,ap1", HASHED, f"ap2,{HASHED}"], ids=range(5)
)
def test_the_keys_of_a_host_by_their_types(hosts: str) -> None:
    text = line(hosts, RSA, " a comment") + line("ap2", OTHER) + line(hosts, ECDSA)
    assert _keys_of("ap1", text) == {"ssh-rsa": RSA, "ecdsa-sha2-nistp256": ECDSA}


def test_the_first_key_of_a_type_counts() -> None:
    assert _keys_of("ap1", line("ap1", RSA) + line("ap1", OTHER)) == {"ssh-rsa": RSA}


@pytest.mark.parametrize(
    "damaged",
    [
        b"# r\xe9seau\n",
        b"ap2 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\n",
        b"ap\xe9 ssh-rsa AAAA\n",
        b"ap1\n",
        b"ap1 ssh-rsa\n",
        b"ap1 ssh-rsa \xe9\n",
        b"ap1 ssh-r\xe9a AAAA\n",
        b"ap1 ssh-rsa !!!!\n",
        b"ap1 no-such-type AAAA\n",
        b"ap1 ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB\n",
        b"ap1 ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAf8=\n",  # a negative modulus
        b"|1| ssh-rsa AAAA\n",
        b"|1|AAAA|AAAA ssh-rsa AAAA\n",
        b"|1|A|A ssh-rsa AAAA\n",
        b"@revoked\n",
        b"@revoked ap1 ssh-rsa A\n",
        b"\x00\xff\n",
        b"\n",
        line("ap1", OTHER, "AAAA"),
        line("ap1", OTHER)[:-5] + b"\n",
    ],
)
def test_a_damaged_line_is_passed_over(damaged: bytes) -> None:
    assert _keys_of("ap1", damaged + line("ap1", RSA)) == {"ssh-rsa": RSA}


@pytest.mark.parametrize("key", [RSA, ECDSA], ids=["rsa", "ecdsa"])
def test_no_part_of_a_line_makes_a_key_known(key: PKey) -> None:
    whole = line("ap1", key)
    assert _keys_of("ap1", whole) != {}
    for end in range(len(whole) - 1):
        assert _keys_of("ap1", whole[:end]) == {}
        assert _keys_of("ap1", whole[:end] + b"\xe9" + whole[end:-1]) == {}


@pytest.mark.parametrize(
    "hosts", ["ap2", "*", "#ap1", "#,ap1", "@cert-authority ap1", "@revoked ap1", "ap1.north", "!ap1"]
)
def test_a_line_that_is_not_of_the_host_makes_no_key_known(hosts: str) -> None:
    assert _keys_of("ap1", line(hosts, RSA)) == {}


@pytest.mark.parametrize("hosts", ["ap1", "*", HASHED], ids=range(3))
def test_a_revoked_key_is_not_known(hosts: str) -> None:
    text = line("ap1", RSA) + line("ap1", OTHER) + line(f"@revoked {hosts}", RSA)
    assert _keys_of("ap1", text) == {"ssh-rsa": OTHER}
