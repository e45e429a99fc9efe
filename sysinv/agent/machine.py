# SPDX-License-Identifier: Apache-2.0
"""The machine as the agent sees it: which root each collector reads, and what the last boot left for this one."""
from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from flock.exec.atomic import replace_file
from flock.exec.root import Root
from sysinv.agent.collectors import cpu, disk, memory, numa, pci, platform, port
from sysinv.agent.plan import Payload, Report

LOG = logging.getLogger(__name__)


class Machine:
    """Collects all reports.

    ``hardware`` is where processors, memory, disks and PCI devices are read: the running machine or a recording of
    another. Ports and the boot's identity are always those of ``system``, the machine that talks to the conductor.
    """

    def __init__(self, hardware: Root, system: Root, last_boot_file: Path) -> None:
        self._hardware = hardware
        self._system = system
        self._last_boot_file = last_boot_file

    def macs(self) -> list[str]:
        """MAC addresses of the own ports."""
        return port.macs(self._system)

    def collect(self) -> dict[Report, Payload]:
        """All payloads; a collector that fails is logged and left out, the others go on."""
        readers: dict[Report, Callable[[], Payload]] = {
            Report.PLATFORM: self._platform,
            Report.PORT: lambda: tuple(port.collect(self._system)),
            Report.PCI_DEVICE: lambda: tuple(pci.collect(self._hardware, self._system)),
            Report.CPU: lambda: (tuple(numa.collect(self._hardware)), tuple(cpu.collect(self._hardware))),
            Report.MEMORY: lambda: tuple(memory.collect(self._hardware)),
            Report.DISK: lambda: tuple(disk.collect(self._hardware)),
        }
        payloads = {}
        for report, reader in readers.items():
            try:
                payloads[report] = reader()
            except Exception:  # noqa: BLE001 - hardware is endlessly various; one odd file must not silence the rest
                LOG.exception("The %s inventory cannot be read", report.value)
        return payloads

    def boot_reported(self, payload: Payload) -> None:
        """Remember that the conductor knows of this boot."""
        boot_id = payload[0].boot_id
        if _text(self._last_boot_file) != boot_id:
            replace_file(self._last_boot_file, boot_id + "\n")

    def _platform(self) -> Payload:
        """An installation leaves an empty disk: no boot was ever reported from it."""
        last = _text(self._last_boot_file)
        now = self._system.text("proc/sys/kernel/random/boot_id")
        return tuple(platform.collect(self._system, self._hardware, after_install=last is None,
                                      first_report=last != now))


def hardware_root(configured: str | None, marker: Path) -> Root:
    """The root to read hardware from: ``configured``, else the path written in ``marker``, else ``/``.

    A path that is no directory is logged and ``/`` taken: a wrong inventory is better than none.
    """
    path = configured or _text(marker) or "/"
    if not Path(path).is_dir():
        LOG.error("The hardware root %s is no directory; this machine's own hardware is reported", path)
        path = "/"
    return Root(path)


def store_uuid(platform_conf: Path, host_uuid: str) -> None:
    """Write ``UUID=<uuid>`` into platform.conf, where other services of the host look for it, unless it is there."""
    lines = (_text(platform_conf) or "").splitlines()
    entry = f"UUID={host_uuid}"
    if entry not in lines:
        kept = [line for line in lines if not line.startswith("UUID=")]
        mode = platform_conf.stat().st_mode & 0o777 if platform_conf.exists() else 0o644
        replace_file(platform_conf, "\n".join([*kept, entry]) + "\n", mode)


def _text(path: Path) -> str | None:
    """Stripped text; None when there is no such file."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
