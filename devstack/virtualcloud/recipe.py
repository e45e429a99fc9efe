# SPDX-License-Identifier: Apache-2.0
"""The contents of the base image: packages, disabled units, extra files. Their hash names the image."""

from __future__ import annotations

import hashlib
import json

SUITE = "bookworm"
REVISION = 1  # raise it when image.py builds differently from the same lists

BASE_PACKAGES: tuple[str, ...] = ("systemd", "systemd-sysv", "dbus", "udev", "iproute2", "python3")

EXTRA_PACKAGES: tuple[str, ...] = (
    "iputils-ping", "procps", "kmod", "pciutils", "ethtool", "nftables", "curl", "ca-certificates", "dmidecode",
    "util-linux", "fdisk", "udhcpc", "netbase", "openssl", "rabbitmq-server", "memcached", "dnsmasq-base",
    "nginx", "postgresql-15", "snmpd", "snmp", "ostree", "rpm", "dnf", "createrepo-c",
    "puppet-agent", "tzdata",
)  # fmt: skip

# Useless or noisy without hardware, a terminal or the outside world.
MASKED_UNITS: tuple[str, ...] = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "console-getty.service", "getty@tty1.service", "getty-static.service", "systemd-pstore.service",
    "systemd-timesyncd.service", "systemd-networkd-wait-online.service",
)  # fmt: skip

# Started by the flock's units or by the bootstrap, not at boot.
DISABLED_UNITS: tuple[str, ...] = (
    "rabbitmq-server.service", "memcached.service", "nginx.service", "postgresql.service", "epmd.service",
    "epmd.socket", "nftables.service", "snmpd.service", "puppet.service",
)  # fmt: skip

ENABLED_UNITS: tuple[str, ...] = ("systemd-networkd.service",)

FILES: dict[str, str] = {
    # A first boot applies presets to every unit; without this line it would enable all of them.
    "/etc/systemd/system-preset/00-lab.preset": "enable systemd-networkd.service\ndisable *\n",
    "/etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=persistent\nSystemMaxUse=64M\nForwardToConsole=no\n",
    "/etc/machine-id": "uninitialized\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/postgresql-common/createcluster.conf": "create_main_cluster = false\n",
    "/etc/fstab": "",
}

DPKG_OPTIONS = (
    "force-unsafe-io\n"
    "path-exclude=/usr/share/man/*\npath-exclude=/usr/share/info/*\npath-exclude=/usr/share/locale/*\n"
    "path-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n"
)


def image_hash() -> str:
    """Return the short name of the image with these contents."""
    parts = [
        SUITE, REVISION, BASE_PACKAGES, EXTRA_PACKAGES, MASKED_UNITS, DISABLED_UNITS, ENABLED_UNITS, FILES,
        DPKG_OPTIONS,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
