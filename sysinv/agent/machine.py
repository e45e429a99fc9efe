# SPDX-License-Identifier: Apache-2.0
"""The machine as the agent sees it: which root each collector reads, and what the last boot left for this one."""
from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.core.text import storable, storable_tree
from flock.exec.atomic import replace_file
from flock.exec.root import Root
from sysinv.agent.collectors import port
from sysinv.agent.collectors.items import Items, each
from sysinv.agent.plan import Payload
from sysinv.contract.reports import Source, reports
from sysinv.model.hostfiles import interfaces_in

LOG = logging.getLogger(__name__)
TOLD_MAX, REASON_MAX_CHARS = 20, 300


class Machine:
    """Collects all reports, with the collectors that the resources name.

    ``hardware`` is where processors, memory, disks and PCI devices are read: the running machine or a recording of
    another. Ports and the boot's identity are always those of ``system``, the machine that talks to the conductor.
    """

    def __init__(self, hardware: Root, system: Root, last_boot_file: Path) -> None:
        self._roots = {Source.HARDWARE: hardware, Source.SYSTEM: system}
        self._last_boot_file = last_boot_file
        self._told: dict[tuple[str, str], str] = {}

    def macs(self) -> list[str]:
        """MAC addresses of the own ports."""
        return port.macs(self._roots[Source.SYSTEM])

    def collect(self) -> dict[str, Payload]:
        """All payloads by kind.

        Items that cannot be read make the payload a partial one: it ends with None. A collector that fails as a whole
        leaves its kind out. Either is logged once, not at each round.
        """
        found = each(reports(), self._collected)
        self._tell({(kind, ""): error for kind, error in found.unread.items()}
                   | {(kind, name): error for kind, items in found for name, error in items.unread.items()})
        return {kind: (*items, *((None,) if items.unread else ())) for kind, items in found}

    def boot_reported(self) -> None:
        """Remember that the conductor knows of this boot."""
        boot_id = self._boot_id()
        if _text(self._last_boot_file) != boot_id:
            replace_file(self._last_boot_file, boot_id + "\n")

    def _collected(self, kind: str) -> tuple[str, Items[Any]]:
        report = reports()[kind]
        roots = [self._roots[source] for source in report.sources]
        read = importlib.import_module(report.collector).collect(*roots, **(self._boot() if report.of_boot else {}))
        codec = codec_for(report.record)
        whole = len(read) <= report.items_max

        def sendable(index: int) -> Any:
            # One place is for the mark that items are missing.
            if not whole and index >= report.items_max - 1:
                raise InvalidInput(field=kind, rule=f"at most {report.items_max} items")
            # Names and models go into a message and a database; the files they came from have been read by now.
            record = storable_tree(read[index])
            codec.encode(record, f"{kind}[{index}]")
            return record

        items = each(range(len(read)), sendable, *([read] if isinstance(read, Items) else []))
        if report.of_boot and items.unread:
            raise next(iter(items.unread.values()))
        return kind, items

    def _tell(self, unread: Mapping[tuple[str, str], Exception]) -> None:
        """Log what is unread for another reason than in the round before; ``unread`` is by kind and name ("": all)."""
        reasons = {what: f"{type(error).__name__}: {error}"[:REASON_MAX_CHARS] for what, error in unread.items()}
        news = [what for what, reason in reasons.items() if self._told.get(what) != reason]
        for kind, name in news[:TOLD_MAX]:
            LOG.warning("The %s inventory cannot be read%s: %s", kind,
                        f" whole; {storable(name)!r} is left out, and what is stored of it stays" if name else "",
                        storable(reasons[kind, name]), exc_info=unread[kind, name])
        if len(news) > TOLD_MAX:
            LOG.warning("%d more items of the inventory cannot be read", len(news) - TOLD_MAX)
        self._told = reasons

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
    path = hardware_path(configured, marker)
    if not Path(path).is_dir():
        LOG.error("The hardware root %s is no directory; this machine's own hardware is reported", path)
        path = "/"
    return Root(path)


def hardware_path(configured: str | None, marker: Path) -> str:
    """Where the hardware should be read, whether it is there or not: ``/`` only for this machine's own."""
    return configured or _text(marker) or "/"


def store_uuid(platform_conf: Path, host_uuid: str) -> None:
    """Write ``UUID=<uuid>`` into platform.conf, where other services of the host look for it, unless it is there."""
    lines = (_text(platform_conf) or "").splitlines()
    entry = f"UUID={host_uuid}"
    if entry not in lines:
        kept = [line for line in lines if not line.startswith("UUID=")]
        mode = platform_conf.stat().st_mode & 0o777 if platform_conf.exists() else 0o644
        replace_file(platform_conf, "\n".join([*kept, entry]) + "\n", mode)


def stored_uuid(platform_conf: Path) -> str | None:
    """The uuid that ``store_uuid`` wrote; None without one."""
    lines = (_text(platform_conf) or "").splitlines()
    return next((line.removeprefix("UUID=") for line in reversed(lines) if line.startswith("UUID=")), None)


def networks_by_interface(platform_conf: Path) -> dict[str, str]:
    """The names of the networks of this host's interfaces, as platform.conf has them."""
    return {interface: network for network, interface in interfaces_in(_text(platform_conf) or "").items()}


def _text(path: Path) -> str | None:
    """Stripped text; None when there is no such file."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
