"""Build the test guest: a Debian kernel and an initrd with hostapd, once per recipe, in a cache.

    python3 tests/vm/build_guest.py        prints the directory that holds `vmlinuz` and `initrd.gz`

The image holds no secret: keys come in at boot, by QEMU's fw_cfg (see `guest.py`).
Packages are only unpacked, never configured, so that neither root nor a running init is needed.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
INIT = HERE / "guest_init.sh"
RECIPE = (Path(__file__).resolve(), INIT)

TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "apt-get": "apt",
}
PACKAGES = [
    "base-files",
    "dash",
    "coreutils",
    "util-linux",
    "mount",
    "grep",
    "sed",
    "mawk",
    "procps",
    "kmod",
    "busybox-static",
    "linux-image-amd64",
    "hostapd",
    "wpasupplicant",
    "iw",
    "wireless-regdb",
    "iproute2",
    "iputils-ping",
    "openssh-server",
    "python3-minimal",
]
MODULES = [
    "virtio_pci",
    "virtio_net",
    "virtio_rng",
    "qemu_fw_cfg",
    "ctr",
    "ccm",
    "gcm",
    "cmac",
    "mac80211_hwsim",
]

DROPPED = re.compile(
    r"(boot|usr/share/(?!dbus|mime$)|usr/lib/(udev|systemd|klibc|initramfs-tools|tmpfiles\.d|sysusers\.d)"
    r"|usr/lib/modules|usr/lib/x86_64-linux-gnu/(perl|gconv|libperl|libdb-)|usr/bin/perl"
    r"|usr/bin/(udevadm|ssh-keyscan|ssh-add|ssh-agent|localedef)|usr/lib/openssh/ssh-"
    r"|etc/(init\.d|systemd|udev|kernel|initramfs-tools|ssh/(moduli|sshd_config)))"
)
KEPT = re.compile(r"usr/lib/modules/[^/]+/modules\.(builtin|order)")
MERGED = ("bin", "sbin", "lib", "lib64")
LINKS = {
    **{name: f"usr/{name}" for name in MERGED},
    "usr/bin/sh": "dash",
    "usr/bin/awk": "mawk",
    "usr/lib/firmware/regulatory.db": "regulatory.db-upstream",
    "usr/lib/firmware/regulatory.db.p7s": "regulatory.db.p7s-upstream",
    "var/run": "../run",
}
DIRECTORIES = [
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "root",
    "root/.ssh",
    "etc/ssh",
    "var",
    "usr/bin",
    "usr/lib",
    "usr/lib/firmware",
]
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnetdev:x:101:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/ssh/sshd_config": "HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin prohibit-password\n"
    "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nUseDNS no\nPrintMotd no\n"
    "MaxStartups 100\nMaxSessions 100\nSubsystem sftp internal-sftp\n",
}


class CannotBuild(Exception):
    """The guest cannot be built on this machine; the text is one line for a person."""


def cache_root() -> Path:
    """Where built guests lie: `$RRMD_CACHE`, else `~/.cache/rrmd`."""
    return Path(os.environ.get("RRMD_CACHE") or Path.home() / ".cache" / "rrmd")


def image_dir() -> Path:
    """Directory of the guest of this recipe, which may not exist yet."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in RECIPE)).hexdigest()
    return cache_root() / f"guest-{digest[:16]}"


def missing_packages() -> list[str]:
    """Packages to install before the guest can be built and run; building is not asked of a cached guest."""
    needed = ["qemu-system-x86_64"] if image_dir().is_dir() else list(TOOLS)
    return [TOOLS[tool] for tool in needed if shutil.which(tool) is None]


def build() -> Path:
    """Directory with `vmlinuz` and `initrd.gz`, built if it is not there.

    Raises CannotBuild.
    """
    target = image_dir()
    if target.is_dir():
        return target
    if missing := missing_packages():
        raise CannotBuild(f"guest: this machine lacks packages: apt-get install {' '.join(missing)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target.parent / "guest.lock"):
        if target.is_dir():  # somebody else built it while we waited
            return target
        with tempfile.TemporaryDirectory(prefix="guest-building-", dir=target.parent) as scratch:
            _build_into(Path(scratch))
            (Path(scratch) / "image").rename(target)
    return target


def _build_into(scratch: Path) -> None:
    archive = scratch / "root.tar"
    _unpack_packages(archive, scratch)
    image = scratch / "image"
    image.mkdir()
    with (
        tarfile.open(archive) as tar,
        open(image / "initrd.gz", "wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
    ):
        _write_root(tar, CpioWriter(packed), image / "vmlinuz")


def _unpack_packages(archive: Path, scratch: Path) -> None:
    codename, sources = _host_sources()
    (scratch / "sources.list").write_text(sources)
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--format=tar"]
    command += [f"--include={','.join(PACKAGES)}"]
    command += [f"--aptopt={option}" for option in _host_proxies()]
    done = subprocess.run(
        [*command, codename, str(archive), str(scratch / "sources.list")], capture_output=True, text=True
    )
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise CannotBuild(f"guest: mmdebstrap failed: {' '.join(reasons[:2]) or done.stderr[-200:]!r}")


def _host_sources() -> tuple[str, str]:
    """(codename, sources.list text) of the Debian main archive that the host's own apt uses."""
    fields = "$(ORIGIN)|$(COMPONENT)|$(CODENAME)|$(RELEASE)|$(SITE)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", fields, "Created-By: Packages", "Architecture: amd64"],
        capture_output=True,
        text=True,
    ).stdout
    rows = [line.split("|") for line in listed.splitlines()]
    debian = [row for row in rows if row[:2] == ["Debian", "main"]]
    base = [row[3] for row in debian if row[2] == row[3]]
    if not base:
        raise CannotBuild("guest: apt knows no Debian main archive for amd64 (apt-get update?)")
    wanted = [row for row in debian if row[2].startswith(base[0])]
    return base[0], "".join(f"deb {row[4]} {row[3]} main\n" for row in wanted)


def _host_proxies() -> list[str]:
    shown = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True).stdout
    wanted = re.compile(r'Acquire::https?::Proxy\S* "[^"]')
    return [line.rstrip(";") for line in shown.splitlines() if wanted.match(line)]


def _write_root(tar: tarfile.TarFile, out: CpioWriter, kernel: Path) -> None:
    for name in DIRECTORIES:
        out.directory(name)
    for name, target in LINKS.items():
        out.link(name, target)
    for name, text in FILES.items():
        out.file(name, text.encode(), 0o600 if name == "etc/shadow" else 0o644)
    out.file("init", INIT.read_bytes(), 0o755)
    modules: dict[str, tarfile.TarInfo] = {}
    for member in tar:
        name = _merged(member.name.removeprefix("./"))
        if re.search(r"\.ko(\.xz)?$", name):
            modules[_module_name(name)] = member
        elif name.startswith("boot/vmlinuz-"):
            kernel.write_bytes(_content(tar, member))
        elif KEPT.match(name) or not DROPPED.match(name):
            _copy(tar, member, name, out)
    for name, data in _module_closure(tar, modules).items():
        out.file(name, data)
    out.end()


def _merged(name: str) -> str:
    return f"usr/{name}" if name.split("/", 1)[0] in MERGED else name


def _module_name(path: str) -> str:
    return Path(path).name.split(".")[0].replace("-", "_")


def _module_closure(tar: tarfile.TarFile, modules: dict[str, tarfile.TarInfo]) -> dict[str, bytes]:
    """Path and content of the wanted modules and of all that they depend on, uncompressed."""
    queue, found = list(MODULES), dict[str, bytes]()
    while queue:
        if (member := modules.pop(queue.pop(), None)) is None:  # built in, or taken already
            continue
        data = _content(tar, member)
        if member.name.endswith(".xz"):
            data = lzma.decompress(data)
        found[_merged(member.name.removeprefix("./")).removesuffix(".xz")] = data
        if depends := re.search(rb"\0depends=([^\0]*)\0", data):
            queue += depends[1].decode().replace("-", "_").split(",")
    return found


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    if stream is None:
        raise CannotBuild(f"guest: {member.name} is no regular file")
    return stream.read()


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, out: CpioWriter) -> None:
    if member.isdir() and name:
        out.directory(name, member.mode)
    elif member.issym():
        out.link(name, member.linkname)
    elif member.isfile() or member.islnk():
        out.file(name, _content(tar, member), member.mode)


class CpioWriter:
    """The kernel's initrd format ("newc"), every file owned by root; a name written twice stays as it was."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream
        self._seen: set[str] = set()

    def directory(self, name: str, mode: int = 0o755) -> None:
        self._entry(name, stat.S_IFDIR | mode, b"")

    def link(self, name: str, target: str) -> None:
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        self._entry(name, stat.S_IFREG | mode, data)

    def end(self) -> None:
        self._entry("TRAILER!!!", 0, b"")

    def _entry(self, name: str, mode: int, data: bytes) -> None:
        if name in self._seen:
            return
        for parent in list(Path(name).parents)[-2::-1]:  # the kernel drops an entry without its directory
            if str(parent) not in self._seen:
                self.directory(str(parent))
        self._seen.add(name)
        path = name.encode() + b"\0"
        numbers = (len(self._seen), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
        self._stream.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install(packages: list[str]) -> None:
    """Install them with apt, which takes root. Raises CannotBuild: one line that says what is left out."""
    wish = f"apt-get install {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotBuild(f"left out: the tests with a real access point (tests/vm); they need: {wish}")
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "-y", "--no-install-recommends", "install"],
    ):
        whole = command if command[-1] == "update" else [*command, *packages]
        done = subprocess.run(
            whole, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise CannotBuild(
                f"left out: the tests with a real access point; failed: {wish}: {done.stderr[-200:]}"
            )


def main() -> int:
    """Print where the guest is. With ``--install`` what the host lacks is installed first, and a host where
    that can't be done is no failure unless RRMD_REQUIRE_VM=1: the tests will be skipped."""
    try:
        if "--install" in sys.argv[1:] and (lacking := missing_packages()):
            install(lacking)
        print(build())
    except CannotBuild as reason:
        print(reason, file=sys.stderr)
        return int("--install" not in sys.argv[1:] or os.environ.get("RRMD_REQUIRE_VM") == "1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
