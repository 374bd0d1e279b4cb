"""Build the test guests: a Debian kernel and an initrd, once per recipe (`recipes.py`), in a cache.

    PYTHONPATH=tests python3 -m vm.build_guest     prints the directories that hold `vmlinuz` and `initrd.gz`

The image holds no secret: keys come in at boot, by QEMU's fw_cfg (see `guest.py`).
Packages are only unpacked, never configured, so that neither root nor a running init is needed.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import importlib.util
import lzma
import marshal
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

from vm.recipes import PLAIN, SYSTEMD, Recipe

TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "apt-get": "apt",
}
TO_RUN = ("qemu-system-x86_64", "mke2fs")
LIBRARY = re.compile(rf"usr/lib/python{sys.version_info[0]}\.{sys.version_info[1]}/[\w/]+\.py$")
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


class CannotBuild(Exception):
    """The guest cannot be built on this machine; the text is one line for a person."""


def cache_root() -> Path:
    """Where built guests lie: `$RRMD_CACHE`, else `~/.cache/rrmd`."""
    return Path(os.environ.get("RRMD_CACHE") or Path.home() / ".cache" / "rrmd")


def image_dir(recipe: Recipe) -> Path:
    """Directory of the guest of this recipe, which may not exist yet."""
    parts = (Path(__file__).read_bytes(), recipe.init.read_bytes(), _contents(recipe))
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
    return cache_root() / f"{recipe.name}-{digest[:16]}"


def _contents(recipe: Recipe) -> bytes:
    """What the image is made of; the same words on every machine, whatever the place of the repository."""
    return repr(
        (
            recipe.packages,
            recipe.modules,
            recipe.dropped,
            dict(recipe.files),
            dict(recipe.links),
            recipe.compiled,
        )
    ).encode()


def missing_packages(*recipes: Recipe) -> list[str]:
    """Packages to install before these guests can be built and run; building is not asked of a cached one."""
    built = all(image_dir(recipe).is_dir() for recipe in recipes)
    needed = TO_RUN if built else TOOLS
    return [TOOLS[tool] for tool in needed if shutil.which(tool) is None]


def build(recipe: Recipe) -> Path:
    """Directory with `vmlinuz` and `initrd.gz`, built if it is not there.

    Raises CannotBuild.
    """
    target = image_dir(recipe)
    if target.is_dir():
        return target
    if missing := missing_packages(recipe):
        raise CannotBuild(f"guest: this machine lacks packages: apt-get install {' '.join(missing)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target.parent / "guest.lock"):
        if target.is_dir():  # somebody else built it while we waited
            return target
        with tempfile.TemporaryDirectory(prefix="guest-building-", dir=target.parent) as scratch:
            _build_into(recipe, Path(scratch))
            (Path(scratch) / "image").rename(target)
    return target


def _build_into(recipe: Recipe, scratch: Path) -> None:
    archive = scratch / "root.tar"
    _unpack_packages(recipe, archive, scratch)
    image = scratch / "image"
    image.mkdir()
    with (
        tarfile.open(archive) as tar,
        open(image / "initrd.gz", "wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
    ):
        _write_root(recipe, tar, CpioWriter(packed), image / "vmlinuz")


def _unpack_packages(recipe: Recipe, archive: Path, scratch: Path) -> None:
    codename, sources = _host_sources()
    (scratch / "sources.list").write_text(sources)
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--format=tar"]
    command += [f"--include={','.join(recipe.packages)}"]
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


def _write_root(recipe: Recipe, tar: tarfile.TarFile, out: CpioWriter, kernel: Path) -> None:
    for name in DIRECTORIES:
        out.directory(name)
    for name, target in {**LINKS, **recipe.links}.items():
        out.link(name, target)
    for name, text in recipe.files.items():
        out.file(name, text.encode(), 0o600 if name == "etc/shadow" else 0o644)
    out.file("init", recipe.init.read_bytes(), 0o755)
    modules: dict[str, tarfile.TarInfo] = {}
    for member in tar:
        name = _merged(member.name.removeprefix("./"))
        if re.search(r"\.ko(\.xz)?$", name):
            modules[_module_name(name)] = member
        elif name.startswith("boot/vmlinuz-"):
            kernel.write_bytes(_content(tar, member))
        elif KEPT.match(name) or not re.match(recipe.dropped, name):
            _copy(tar, member, name, out)
            if recipe.compiled and member.isfile() and LIBRARY.match(name):
                _copy_byte_code(_content(tar, member), name, out)
    for name, data in _module_closure(recipe, tar, modules).items():
        out.file(name, data)
    out.end()


def _merged(name: str) -> str:
    return f"usr/{name}" if name.split("/", 1)[0] in MERGED else name


def _module_name(path: str) -> str:
    return Path(path).name.split(".")[0].replace("-", "_")


def _module_closure(
    recipe: Recipe, tar: tarfile.TarFile, modules: dict[str, tarfile.TarInfo]
) -> dict[str, bytes]:
    """Path and content of the wanted modules and of all that they depend on, uncompressed."""
    queue, found = list(recipe.modules), dict[str, bytes]()
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


def _copy_byte_code(source: bytes, name: str, out: CpioWriter) -> None:
    """What Python would write beside the source if it might: the guest's service sees it read-only."""
    path = Path(name)
    try:
        code = compile(source, f"/{name}", "exec", dont_inherit=True)
    except SyntaxError:  # a test file or a template
        return
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")  # PEP 552: by hash, never checked
    data = head + importlib.util.source_hash(source) + marshal.dumps(code)
    out.file(f"{path.parent}/__pycache__/{path.stem}.{sys.implementation.cache_tag}.pyc", data)


class CpioWriter:
    """The kernel's initrd format ("newc"), every file owned by root; a name written twice stays as it was."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream
        self._seen: set[str] = set()

    def directory(self, name: str, mode: int = 0o755) -> None:
        self._entry(name, stat.S_IFDIR | mode, b"")

    def link(self, name: str, target: str) -> None:
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def file(self, name: str, data: bytes, mode: int = 0o644, mtime: int = 0) -> None:
        self._entry(name, stat.S_IFREG | mode, data, mtime)

    def end(self) -> None:
        self._entry("TRAILER!!!", 0, b"")

    def _entry(self, name: str, mode: int, data: bytes, mtime: int = 0) -> None:
        if name in self._seen:
            return
        for parent in list(Path(name).parents)[-2::-1]:  # the kernel drops an entry without its directory
            if str(parent) not in self._seen:
                self.directory(str(parent))
        self._seen.add(name)
        path = name.encode() + b"\0"
        numbers = (len(self._seen), mode, 0, 0, 1, mtime, len(data), 0, 0, 0, 0, len(path), 0)
        head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
        self._stream.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


QUIETLY = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
"""Of an installation: no question, and no server is started (invoke-rc.d starts none in run level 1)."""


def install(packages: list[str]) -> None:
    """Install them with apt, which takes root. Raises CannotBuild: one line that says what is left out."""
    wish = f"apt-get install {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotBuild(f"left out: the tests that need: {wish}")
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "-y", "--no-install-recommends", "install"],
    ):
        whole = command if command[-1] == "update" else [*command, *packages]
        done = subprocess.run(whole, env={**os.environ, **QUIETLY}, capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotBuild(f"left out: the tests that need what failed: {wish}: {done.stderr[-200:]}")


def main() -> int:
    """Print where the guests are. With ``--install`` what the host lacks is installed first, and a host where
    that can't be done is no failure unless RRMD_REQUIRE_VM=1: the tests will be skipped."""
    try:
        if "--install" in sys.argv[1:] and (lacking := missing_packages(PLAIN, SYSTEMD)):
            install(lacking)
        print(build(PLAIN))
        print(build(SYSTEMD))
    except CannotBuild as reason:
        print(reason, file=sys.stderr)
        return int("--install" not in sys.argv[1:] or os.environ.get("RRMD_REQUIRE_VM") == "1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
