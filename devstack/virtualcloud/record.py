# SPDX-License-Identifier: Apache-2.0
"""The lab's state and each host's across restarts of the daemon: JSON files in the state folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devstack.virtualcloud.boot import NO_OVERRIDE, Override, Stage
from devstack.virtualcloud.disks import DEFAULT_GIB
from devstack.virtualcloud.errors import LabError


@dataclass(frozen=True, slots=True)
class Running:
    """A process that outlives the daemon: its id, its start in clock ticks (ids are reused), what it runs."""

    pid: int
    start_ticks: int
    kind: str


@dataclass(slots=True)
class HostRecord:
    """One host: its configuration, requests, injected faults, and running processes.

    `disks` holds the sizes of its disks in GiB. `ostree`: its system is a deployment of OSTree.
    """

    name: str
    index: int
    role: str
    all_in_one: bool = False
    hardware: str = ""
    bmc: tuple[str, ...] = ("redfish",)
    disks: tuple[int, ...] = DEFAULT_GIB
    power: bool = False
    bootable: bool = False
    override: Override = NO_OVERRIDE
    ostree: bool = False
    media: str = ""
    sensors: dict[str, float] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    loss: dict[str, int] = field(default_factory=dict)
    stage: Stage = Stage.OFF
    hung: bool = False
    detail: str = ""
    boots: int = 0
    running: Running | None = None


@dataclass(slots=True)
class LabRecord:
    """The whole lab; `complete` means that the last `up` completed.

    `image` is the root file system below the disks; it does not change when the recipe changes later.
    """

    kind: str = ""
    complete: bool = False
    installer: str = ""
    image: str = ""
    bmc_password: str = ""
    machine_boot_id: str = ""
    published: dict[int, int] = field(default_factory=dict)


def host_from_json(data: dict[str, Any]) -> HostRecord:
    """Return a host from its file; LabError when the file is damaged."""
    try:
        values = dict(data)
        values["bmc"] = tuple(values["bmc"])
        values["disks"] = tuple(values.get("disks", DEFAULT_GIB))
        values["override"] = Override(**values["override"])
        values["stage"] = Stage(values["stage"])
        values["running"] = Running(**values["running"]) if values["running"] else None
        return HostRecord(**values)
    except (KeyError, TypeError, ValueError) as exc:
        raise LabError(f"the record of a host is damaged ({exc}); run devstack/unstack.sh and start again") from exc


class Store:
    """The files: `lab.json` and `hosts/<name>/host.json`, each replaced as a whole."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir

    def host_dir(self, name: str) -> Path:
        """Return the folder of one host."""
        return self.state_dir / "hosts" / name

    def load_lab(self) -> LabRecord:
        """Return the lab's record, or an empty one."""
        data = self._read(self.state_dir / "lab.json")
        try:
            published = {int(here): int(there) for here, there in data.pop("published", {}).items()}
            return LabRecord(**data, published=published)
        except (TypeError, ValueError, AttributeError) as exc:
            raise LabError(f"lab.json is damaged ({exc}); run devstack/unstack.sh and start again") from exc

    def save_lab(self, record: LabRecord) -> None:
        """Write the lab's record."""
        self._write(self.state_dir / "lab.json", asdict(record))

    def load_hosts(self) -> list[HostRecord]:
        """Return all hosts, sorted by number."""
        found = []
        for path in sorted((self.state_dir / "hosts").glob("*/host.json")):
            found.append(host_from_json(self._read(path)))
        return sorted(found, key=lambda record: record.index)

    def save_host(self, record: HostRecord) -> None:
        """Write one host's record."""
        self._write(self.host_dir(record.name) / "host.json", asdict(record))

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as exc:
            raise LabError(f"{path} is damaged ({exc}); run devstack/unstack.sh and start again") from exc
        return data if isinstance(data, dict) else {}

    @staticmethod
    def _write(path: Path, data: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(data, stream, indent=1)
        temporary.replace(path)
