"""One test guest: QEMU, its console, and a kept SSH connection to it."""

from __future__ import annotations

import atexit
import base64
import hashlib
import io
import logging
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from vm.build_guest import build
from vm.recipes import PLAIN, Recipe

BOOT_TIMEOUT_S = 120.0
START_ATTEMPTS = 3  # the free port that we found may be taken before QEMU binds it

T = TypeVar("T")
logging.getLogger("paramiko").addHandler(logging.NullHandler())  # a lost connection is reported by us


class GuestError(Exception):
    """The guest did not do what a test needs; the text carries its last words."""


def eventually(predicate: Callable[[], T], timeout: float, what: str = "", every: float = 0.1) -> T:
    """First true value of the predicate, asked every so many seconds.

    AssertionError after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {what or predicate}")
        time.sleep(every)
    return value


class Guest:
    """A machine with access point and station radios, all of them software (see `world.py`).

    `host`, `port`, `user`, `key_file` and `known_hosts` are what any SSH client needs to log in with a pinned
    host key; `fingerprint` is that key in OpenSSH's "SHA256:..." words. Every start makes new keys.
    `more(path)` writes a second initrd, which is unpacked over the first. With `disk_mib` it has a disk,
    /dev/vda, with an empty ext4 on it: the only thing that outlives a power cut, as far as it was synced.
    """

    host = "127.0.0.1"
    user = "root"

    def __init__(
        self, recipe: Recipe = PLAIN, more: Callable[[Path], None] | None = None, disk_mib: int = 0
    ) -> None:
        self._recipe = recipe
        self._more = more
        self._disk_mib = disk_mib
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._qemu: subprocess.Popen[bytes] | None = None
        self._ssh: paramiko.SSHClient | None = None
        self._ssh_lock = threading.Lock()
        self.port = 0
        self.host_key = ""
        self.boot_s = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        if self._scratch is None:
            raise GuestError("the guest was not started")
        return Path(self._scratch.name)

    @property
    def key_file(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def public_host_key(self) -> paramiko.PKey:
        return paramiko.Ed25519Key(data=base64.b64decode(self.host_key.split()[1]))

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(base64.b64decode(self.host_key.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def has_disk(self) -> bool:
        return self._disk_mib > 0

    @property
    def running(self) -> bool:
        return self._qemu is not None and self._qemu.poll() is None

    def start(self) -> None:
        """Boot and wait until SSH answers. Raises CannotBuild, GuestError."""
        if self.running:
            raise GuestError("the guest runs already")
        build(self._recipe)
        self._scratch = tempfile.TemporaryDirectory(prefix="rrmd-guest-")
        self._make_keys()
        self._make_disk()
        for _ in range(START_ATTEMPTS):
            self.port = _free_port()
            if self._boot():
                return
        raise GuestError(f"the guest does not boot\n{self.last_words()}")

    def power_on(self) -> None:
        """Boot again after a power cut: the same keys, address and disk; all else is as on the first day."""
        if self.running:
            raise GuestError("the guest runs already")
        if not self._boot():
            raise GuestError(f"somebody else took port {self.port} meanwhile")

    def _boot(self) -> bool:
        """True when SSH answers; False when the port was taken."""
        begun = time.monotonic()
        atexit.register(self.power_cut)
        self._launch(build(self._recipe))
        if not self._wait_for_console():
            return False
        eventually(self._answers, BOOT_TIMEOUT_S, "SSH answers")
        self.boot_s = time.monotonic() - begun
        return True

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The whole machine stands still: another one has the processor meanwhile."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._qemu is not None:
            self._qemu.send_signal(number)

    def stop(self) -> None:
        """End the guest and forget its keys; it holds nothing worth a shutdown."""
        self.power_cut()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def power_cut(self) -> None:
        """Kill the machine at once: its TCP connections are not closed by it."""
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()
            self._qemu = None
        self._forget_connection()
        atexit.unregister(self.power_cut)

    def run(self, command: str, timeout: float = 30.0, check: bool = True) -> str:
        """Standard output of a shell command in the guest; GuestError when it fails and `check` is set.

        `timeout` is the longest silence in seconds.
        """
        channel = self._session()
        with channel:
            channel.settimeout(timeout)
            channel.exec_command(command)
            try:
                output = channel.makefile("rb").read()
                errors = channel.makefile_stderr("rb").read()
            except TimeoutError:
                raise GuestError(f"silent for {timeout:.0f} s: {command}\n{self.last_words()}") from None
            status = channel.recv_exit_status()
        if status and check:
            said = (output + errors).decode(errors="replace")[-2000:]
            raise GuestError(f"status {status} of: {command}\n{said}")
        return bytes(output).decode(errors="replace")

    def put(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file of the guest, whole or not at all."""
        channel = self._session()
        with channel:
            channel.settimeout(30.0)
            channel.exec_command(f"cat >{path}.new && chmod {mode} {path}.new && mv {path}.new {path}")
            channel.sendall(text.encode())
            channel.shutdown_write()
            if channel.recv_exit_status():
                raise GuestError(f"cannot write {path}: {channel.makefile_stderr().read()!r}")

    def put_files(self, files: dict[str, str]) -> None:
        """Write many files, by absolute path, in one go."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, text in files.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        channel = self._session()
        with channel:
            channel.settimeout(30.0)
            channel.exec_command("busybox tar x -C /")
            channel.sendall(packed.getvalue())
            channel.shutdown_write()
            if channel.recv_exit_status():
                raise GuestError(f"cannot write files: {channel.makefile_stderr().read()!r}")

    def last_words(self, lines: int = 25) -> str:
        """End of the console log."""
        with suppress(FileNotFoundError):
            text = (self.directory / "console.log").read_text(errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return "(no console)"

    def _make_keys(self) -> None:
        private, public = _key_pair()
        self._write_secret("id_ed25519", private)
        self._write_secret("authorized_keys", public.encode() + b"\n")
        private, self.host_key = _key_pair()
        self._write_secret("host_key", private)

    def _make_disk(self) -> None:
        if self._disk_mib:
            disk = self.directory / "disk"
            subprocess.run(["mke2fs", "-q", "-t", "ext4", disk, f"{self._disk_mib}M"], check=True)

    def _write_secret(self, name: str, data: bytes) -> None:
        with open(os.open(self.directory / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as handle:
            handle.write(data)

    def _launch(self, image: Path) -> None:
        (self.directory / "console.log").unlink(missing_ok=True)
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {self.host_key}\n")
        network = f"user,id=net,hostfwd=tcp:{self.host}:{self.port}-:22"
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        command += ["-machine", "q35", "-m", str(self._recipe.memory_mib), "-smp", "1"]
        command += ["-accel", "tcg,tb-size=256", "-cpu", "max"]  # the same on every machine, KVM or not
        command += ["-kernel", str(image / "vmlinuz"), "-initrd", str(self._initrd(image))]
        # no_timer_check: on a busy host the emulated timer is late, and the kernel would panic over it.
        command += ["-append", "console=ttyS0 loglevel=5 panic=1 mitigations=off no_timer_check"]
        command += ["-serial", f"file:{self.directory / 'console.log'}"]
        command += ["-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile="]
        command += ["-device", "virtio-rng-pci"]  # without it sshd waits for entropy
        if self._disk_mib:
            command += ["-drive", f"file={self.directory / 'disk'},format=raw,if=virtio,cache=writeback"]
        for name in ("host_key", "authorized_keys"):
            command += ["-fw_cfg", f"name=opt/rrmd/{name},file={self.directory / name}"]
        with open(self.directory / "qemu.log", "wb") as log:
            self._qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _initrd(self, image: Path) -> Path:
        """The image's initrd, with the second one behind it: the kernel unpacks one after the other."""
        if self._more is None:
            return image / "initrd.gz"
        whole = self.directory / "initrd.gz"
        if not whole.exists():
            self._more(self.directory / "more.gz")
            with whole.open("wb") as out:
                for part in (image / "initrd.gz", self.directory / "more.gz"):
                    with part.open("rb") as source:
                        shutil.copyfileobj(source, out)
        return whole

    def _wait_for_console(self) -> bool:
        """True when the guest is up; False when QEMU ended before that because the port was taken."""
        eventually(
            lambda: not self.running or "GUEST-READY" in self.last_words(100), BOOT_TIMEOUT_S, "guest boots"
        )
        if self.running:
            return True
        said = (self.directory / "qemu.log").read_text(errors="replace")
        if "host forwarding" not in said:
            raise GuestError(f"QEMU ended: {said[-500:]}\n{self.last_words()}")
        return False

    def _answers(self) -> bool:
        try:
            self._session().close()
        except GuestError:
            return False
        return True

    def _session(self) -> paramiko.Channel:
        """A new channel on the kept connection, which is opened again if it was lost."""
        with self._ssh_lock:
            for _ in range(2):
                try:
                    return self._transport().open_session(timeout=15.0)
                except (paramiko.SSHException, EOFError, OSError) as error:
                    reason = error
                    self._forget_connection()
        raise GuestError(f"no SSH to the guest: {reason!r}\n{self.last_words()}")

    def _forget_connection(self) -> None:
        if self._ssh is not None:
            self._ssh.close()
            self._ssh = None

    def _transport(self) -> paramiko.Transport:
        if not self.running:
            raise GuestError("the guest does not run")
        if self._ssh is None:
            stream = socket.create_connection((self.host, self.port), timeout=15.0)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = paramiko.SSHClient()
            client.load_host_keys(str(self.known_hosts))
            client.connect(
                self.host,
                self.port,
                self.user,
                key_filename=str(self.key_file),
                sock=stream,
                allow_agent=False,
                look_for_keys=False,
                banner_timeout=30.0,
                auth_timeout=30.0,
            )
            self._ssh = client
        transport = self._ssh.get_transport()
        if transport is None:
            raise EOFError("the SSH connection is closed")
        return transport


def _key_pair() -> tuple[bytes, str]:
    """(private key in OpenSSH's format, public key line)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
