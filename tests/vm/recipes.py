"""What is in each test guest: packages, kernel modules, and what of the packages is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

HERE = Path(__file__).resolve().parent

PACKAGES = (
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
)
MODULES = (
    "virtio_pci",
    "virtio_net",
    "virtio_rng",
    "qemu_fw_cfg",
    "ctr",
    "ccm",
    "gcm",
    "cmac",
    "mac80211_hwsim",
)
ALWAYS_DROPPED = (
    r"boot|usr/share/(?!dbus|mime$)|usr/lib/(klibc|initramfs-tools)|usr/lib/modules"
    r"|usr/lib/x86_64-linux-gnu/(perl|gconv|libperl|libdb-)|usr/bin/perl"
    r"|usr/bin/(udevadm|ssh-keyscan|ssh-add|ssh-agent|localedef)|usr/lib/openssh/ssh-"
    r"|etc/(init\.d|udev|kernel|initramfs-tools|ssh/(moduli|sshd_config))"
)
SYSTEMD_FILES = r"usr/lib/(udev|systemd|tmpfiles\.d|sysusers\.d)|etc/systemd"
FILES: Mapping[str, str] = MappingProxyType(
    {
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
        "etc/group": "root:x:0:\nnetdev:x:101:\nnogroup:x:65534:\n",
        "etc/shadow": "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n",
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/ssh/sshd_config": "HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nUseDNS no\nPrintMotd no\n"
        "MaxStartups 100\nMaxSessions 100\nSubsystem sftp internal-sftp\n",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One guest image. ``dropped``: what of the packages is left out, as a regular expression over paths.

    ``files`` and ``links`` are written first: a package's file of the same name stays out. ``init`` is the
    first process. ``memory_mib``: what the machine needs, the unpacked image included. ``compiled``: Python's
    library gets its byte code, as on an installed Debian, where the host's Python is the guest's.
    """

    name: str
    packages: tuple[str, ...] = PACKAGES
    modules: tuple[str, ...] = MODULES
    dropped: str
    files: Mapping[str, str] = field(default_factory=lambda: FILES)
    links: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    init: Path = HERE / "guest_init.sh"
    memory_mib: int = 512
    compiled: bool = False


PLAIN = Recipe(name="guest", dropped=f"({ALWAYS_DROPPED}|{SYSTEMD_FILES})")
"""An access point and its stations: hostapd, wpa_supplicant, simulated radios."""

SYSTEMD = Recipe(
    name="guest-systemd",
    packages=(*PACKAGES, "systemd", "python3", "python3-venv", "libstdc++6", "login"),
    modules=(*MODULES, "virtio_blk", "ext4", "crc32c_generic"),
    dropped=f"({ALWAYS_DROPPED}|usr/lib/systemd/system-generators|usr/lib/udev)",
    files=MappingProxyType(
        {
            **FILES,
            "etc/machine-id": "6f1b0c1e8d2a4b6c9e3f5a7d8c9b0a1e\n",  # else systemd asks who it is
            "etc/systemd/journald.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n",
        }
    ),
    links=MappingProxyType({"etc/systemd/system/default.target": "/usr/lib/systemd/system/basic.target"}),
    memory_mib=1536,
    compiled=True,
)
"""The same with systemd as its first process and a whole Python, so that rrmd itself can run in it."""
