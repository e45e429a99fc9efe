# SPDX-License-Identifier: Apache-2.0
"""The machine as the agent sees it: which root each collector reads, and what the last boot left for this one."""
from __future__ import annotations

import importlib
import logging
from pathlib import Path

from flock.core.text import storable_tree
from flock.exec.atomic import replace_file
from flock.exec.root import Root
from sysinv.agent.collectors import port
from sysinv.agent.plan import Payload
from sysinv.contract.reports import Report, Source, reports

LOG = logging.getLogger(__name__)


class Machine:
    """Collects all reports, with the collectors that the resources name.

    ``hardware`` is where processors, memory, disks and PCI devices are read: the running machine or a recording of
    another. Ports and the boot's identity are always those of ``system``, the machine that talks to the conductor.
    """

    def __init__(self, hardware: Root, system: Root, last_boot_file: Path) -> None:
        self._roots = {Source.HARDWARE: hardware, Source.SYSTEM: system}
        self._last_boot_file = last_boot_file

    def macs(self) -> list[str]:
        """MAC addresses of the own ports."""
        return port.macs(self._roots[Source.SYSTEM])

    def collect(self) -> dict[str, Payload]:
        """All payloads by kind; a collector that fails is logged and left out, the others go on."""
        payloads = {}
        for kind, report in reports().items():
            try:
                # Names and models go into a message and a database; the files they came from have been read by now.
                payloads[kind] = storable_tree(self._read(report))
            except Exception:  # noqa: BLE001 - hardware is endlessly various; one odd file must not silence the rest
                LOG.exception("The %s inventory cannot be read", kind)
        return payloads

    def boot_reported(self) -> None:
        """Remember that the conductor knows of this boot."""
        boot_id = self._boot_id()
        if _text(self._last_boot_file) != boot_id:
            replace_file(self._last_boot_file, boot_id + "\n")

    def _read(self, report: Report) -> Payload:
        roots = [self._roots[source] for source in report.sources]
        return tuple(importlib.import_module(report.collector).collect(
            *roots, **(self._boot() if report.of_boot else {})))

    def _boot(self) -> dict[str, bool]:
        """An installation leaves an empty disk: no boot was ever reported from it."""
        last = _text(self._last_boot_file)
        return {"after_install": last is None, "first_report": last != self._boot_id()}

    def _boot_id(self) -> str:
        return self._roots[Source.SYSTEM].text("proc/sys/kernel/random/boot_id")


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
