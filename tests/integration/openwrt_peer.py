"""An OpenWrt AP on loopback that remembers what it is told: over HTTP, HTTPS, and SSH."""

from __future__ import annotations

import datetime
import getpass
import hashlib
import ipaddress
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from integration.openwrt.ap import Ap
from integration.openwrt.bus import Tempo
from integration.openwrt.server import Server, serving
from integration.sshd import Sshd, sshd

from drivers.base import DeviceContext
from inventory.credentials import Secret
from inventory.model import Band, DeviceConfig, Radio, radio_key

R5 = radio_key("north", "ap1", "r5")
R2 = radio_key("north", "ap1", "r2")
RADIOS = (Radio(key=R5, band=Band.GHZ_5), Radio(key=R2, band=Band.GHZ_2_4, ifname="phy1-ap0"))
PROGRAMS = ("ubus", "iw", "hostapd_cli", "uci", "wifi", "logread")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """``ap``: what the tests look at and play with."""

    ap: Ap
    server: Server
    address: str
    secret: Secret
    proof: dict[str, object]

    def context(self, *, user: str | None = None, address: str = "", **options: object) -> DeviceContext:
        config = DeviceConfig(
            id="ap1", driver="openwrt", address=address or self.address, options={**self.proof, **options}
        )
        secret = self.secret if user is None else login(user)
        return DeviceContext(config=config, radios=RADIOS, secret=secret, clock=time.monotonic)


def login(user: str, password: str = "lab-Ctl-1") -> Secret:
    return Secret(f"user: {user}\npassword: {password}\n")


@contextmanager
def http_peer(tempo: Tempo | None = None) -> Iterator[Peer]:
    ap = Ap(tempo=tempo or Tempo())
    with serving(ap) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        yield Peer(ap=ap, server=server, address=address, secret=login("rrmd"), proof={})


@contextmanager
def https_peer(directory: Path) -> Iterator[Peer]:
    """With a certificate that it made itself, as APs have it."""
    pem = directory / "uhttpd.pem"
    fingerprint = certificate(pem)
    ap = Ap()
    with serving(ap, pem) as server:
        address = f"https://127.0.0.1:{server.server_port}"
        proof: dict[str, object] = {"tls_fingerprint": fingerprint}
        yield Peer(ap=ap, server=server, address=address, secret=login("rrmd"), proof=proof)


@contextmanager
def ssh_peer(directory: Path, tempo: Tempo | None = None) -> Iterator[Peer]:
    ap = Ap(tempo=tempo or Tempo(second_s=0.4))  # each look takes its time
    with serving(ap) as server:
        place = _programs(directory, server.server_port)
        with sshd(directory, path=f"{place}:{os.environ['PATH']}") as far:
            yield Peer(
                ap=ap,
                server=server,
                address=f"ssh://127.0.0.1:{far.port}",
                secret=_key(far),
                proof={"host_key": far.fingerprint},
            )


def _programs(directory: Path, port: int) -> Path:
    place = directory / "bin"
    place.mkdir()
    (place / "port").write_text(str(port))
    source = (Path(__file__).parent / "openwrt/program.sh").read_text()
    for name in PROGRAMS:
        (place / name).write_text(source)
        (place / name).chmod(0o755)
    return place


def _key(far: Sshd) -> Secret:
    assert far.login.private_key is not None
    indented = "".join(f"  {line}\n" for line in far.login.private_key.reveal().splitlines())
    return Secret(f"user: {getpass.getuser()}\nprivate_key: |\n{indented}")


def certificate(path: Path) -> str:
    """Write one with its key, signed by itself; its SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OpenWrt")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + pem)
    return hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()
