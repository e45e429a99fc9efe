# SPDX-License-Identifier: Apache-2.0
"""Configuration of mtce-heartbeat, read with the standard library only: sections [host] and [heartbeat].

Reads the same files as every other daemon: flock.conf, then mtce.conf, then mtce.d/*.conf; or those of
``--config-file`` in their place.
"""
from __future__ import annotations

import argparse
import configparser
import os
import socket
import uuid as uuid_module
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mtce.core.heartbeat import Thresholds


class ConfigurationError(ValueError):
    """A key is missing or breaks its rule; the text names section, key and rule."""


@dataclass(frozen=True, slots=True)
class Link:
    """One monitored network: its interface and UDP ports."""

    network: str
    interface: str
    request_port: int
    answer_port: int


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """All settings of the daemon; platform.conf supplies the host's UUID when no option does.

    ``sender`` is true where a conductor runs: there the key file holds the cluster key.
    """

    host_uuid: str
    hostname: str
    sender: bool
    links: tuple[Link, ...]
    key_file: Path
    socket_path: Path
    alive_path: Path
    group: str = "239.1.1.2"
    period_ms: int = 1000
    thresholds: Thresholds = field(default_factory=Thresholds)
    realtime_priority: int = 45


def load(argv: Sequence[str]) -> HeartbeatSettings:
    """Return the settings in the files and ``argv`` (without the program's name); raises ConfigurationError."""
    parser = argparse.ArgumentParser(prog="mtce-heartbeat", description="Answers and sends heartbeat pulses")
    parser.add_argument("--config-file", action="append", default=[], metavar="PATH")
    given = parser.parse_args(list(argv)).config_file
    folder = Path(os.environ.get("FLOCK_CONF_DIR", "/etc/flock"))
    ini = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    ini.read(given or [folder / "flock.conf", folder / "mtce.conf", *sorted(folder.glob("mtce.d/*.conf"))],
             encoding="utf-8")
    return from_ini(ini)


def from_ini(ini: configparser.ConfigParser) -> HeartbeatSettings:
    """Check and convert the options; raises ConfigurationError."""
    read = _Reader(ini)
    platform = _platform(Path(read.text("heartbeat", "platform_conf", "/etc/platform/platform.conf")))
    mgmt = read.text("heartbeat", "mgmt_interface", "mgmt0")
    cluster = read.text("heartbeat", "cluster_host_interface", "cluster0")
    links = [Link("mgmt", mgmt, read.number("heartbeat", "mgmt_request_port", 2106, 1, 65535),
                  read.number("heartbeat", "mgmt_answer_port", 2103, 1, 65535))]
    if cluster and cluster not in (mgmt, "lo"):
        links.append(Link("cluster-host", cluster,
                          read.number("heartbeat", "cluster_host_request_port", 2116, 1, 65535),
                          read.number("heartbeat", "cluster_host_answer_port", 2113, 1, 65535)))
    degrade = read.number("heartbeat", "degrade_threshold", 6, 4, 100)
    loss = read.number("heartbeat", "failure_threshold", 10, 10, 100)
    minor = min(read.number("heartbeat", "minor_threshold", 4, 1, 100), degrade, loss)
    run_dir = read.text("DEFAULT", "run_dir", "/run/flock")
    return HeartbeatSettings(
        host_uuid=read.uuid("host", "uuid", platform.get("UUID", "")),
        hostname=read.text("host", "name", platform.get("hostname", "") or socket.gethostname()),
        sender=read.flag("heartbeat", "sender", False), links=tuple(links),
        key_file=Path(read.text("heartbeat", "key_file", "/etc/flock/heartbeat.key")),
        socket_path=Path(read.text("heartbeat", "socket", f"{run_dir}/mtce/heartbeat.sock")),
        alive_path=Path(read.text("heartbeat", "alive_socket", f"{run_dir}/mtce/alive.sock")),
        group=read.text("heartbeat", "group", "239.1.1.2"),
        period_ms=read.number("heartbeat", "period_ms", 1000, 100, 1000),
        thresholds=Thresholds(minor=minor, degrade=degrade, loss=loss),
        realtime_priority=read.number("heartbeat", "realtime_priority", 45, 0, 99))


class _Reader:
    """Typed access whose errors name the key."""

    def __init__(self, ini: configparser.ConfigParser) -> None:
        self._ini = ini

    def text(self, section: str, key: str, default: str) -> str:
        value = self._ini.get(section, key, fallback=default)
        return default if value is None else value.strip()

    def number(self, section: str, key: str, default: int, least: int, most: int) -> int:
        text = self.text(section, key, str(default))
        if not text.isdigit() or not least <= int(text) <= most:
            raise ConfigurationError(f"[{section}] {key}: must be a number from {least} to {most}")
        return int(text)

    def flag(self, section: str, key: str, default: bool) -> bool:
        text = self.text(section, key, str(default)).lower()
        if text not in ("true", "false", "1", "0", "yes", "no"):
            raise ConfigurationError(f"[{section}] {key}: must be true or false")
        return text in ("true", "1", "yes")

    def uuid(self, section: str, key: str, default: str) -> str:
        text = self.text(section, key, default)
        try:
            return str(uuid_module.UUID(text))
        except ValueError:
            rule = "must be the UUID of this host (or UUID= in platform.conf)"
            raise ConfigurationError(f"[{section}] {key}: {rule}") from None


def _platform(path: Path) -> dict[str, str]:
    """Return the ``name=value`` lines of platform.conf, which sysinv-agent maintains; empty when it is missing."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}
