# SPDX-License-Identifier: Apache-2.0
"""A host with fake packages and a feed on disk, on which the agent's parts run without bus and network."""
from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

from flock.exec.root import Root
from patching.agent.installer import Installer
from patching.agent.memory import Book
from patching.backends.formats import load
from patching.content.fetch import Feed, Store
from patching.contract.records import Content, InstallOrder, InstallResult
from tests.unit.patching.content import releases

BOOT = "boot-1"
RECORD = """#!/bin/sh
echo "$(basename "$0") $* $PATCH_RELEASE $PATCH_OPERATION" >> {log}
"""


class Host:
    """``run/log`` below the root is what scripts have said; ``say`` makes a script that says that it ran."""

    def __init__(self, folder: Path, backends: Sequence[str] = ("fake",)) -> None:
        self.folder, self.root = folder, folder / "root"
        self.put("proc/sys/kernel/random/boot_id", BOOT)
        self.put("etc/platform/platform.conf", "sw_version=10.0.0\nnodetype=worker\nsubfunction=worker\nUUID=u-1\n")
        self.log = self.put("run/log", "")
        self.feed = releases.Feed(folder)
        self.backends = load(backends, self.root, 20.0)
        self.restart()
        self.deploys = 0

    def restart(self) -> None:
        """The agent's process begins anew."""
        self.book = Book(self.folder / "agent.json")
        self.store = Store(self.folder / "content")
        self.installer = Installer(self.book, Feed(self.feed.url), self.store, self.backends, Root(self.root))

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def say(self, status: int = 0) -> str:
        return RECORD.format(log=self.log) + f"exit {status}\n"

    def said(self) -> list[str]:
        return self.log.read_text().splitlines()

    def order(self, version: str, contents: Sequence[Content], *, reboot_required: bool = False, attempt: int = 1,
              deploy_id: str = "", timeout_s: int = 30, is_rollback: bool = False) -> InstallOrder:
        self.deploys += 1
        return InstallOrder(deploy_id or f"d{self.deploys}", "worker-0", attempt, version, list(contents),
                            reboot_required=reboot_required, timeout_s=timeout_s, is_rollback=is_rollback)

    def install(self, order: InstallOrder, told: list[tuple[int, str]] | None = None,
                ended: threading.Event | None = None) -> InstallResult:
        return self.installer.install(order, BOOT, lambda percent, text: (told if told is not None else []).append(
            (percent, text)), ended or threading.Event())

    @property
    def packages(self) -> dict[str, str]:
        return self.backends["fake"].current()

    def fault(self, name: str, text: str = "") -> Path:
        return self.put(f"var/lib/fake-packages/{name}", text)

    def has(self, packages: dict[str, str]) -> None:
        """The host was installed with these packages."""
        self.fault("installed.json", json.dumps(packages))
