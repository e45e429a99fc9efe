# SPDX-License-Identifier: Apache-2.0
"""Lets a device join or leave an LVM volume group. What is so already is left alone."""
from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from flock.exec.process import Completed
from sysinv.agent.collectors import lvm
from sysinv.agent.parttable import DiskRefused

Run = Callable[..., Completed]
TIMEOUT_S = 120.0
_NAME = re.compile(r"(?![-.])[A-Za-z0-9+_.-]{1,64}")


def extend(device: Path, group: str, check_unused: Callable[[], None], run: Run) -> None:
    """Make ``device`` a volume of ``group``, which is made with its first volume; DiskRefused.

    ``check_unused`` is called before the device is written to, and raises DiskRefused.
    """
    _check_name(group)
    present = _group_of(device, run)
    if present == group:
        return
    if present:
        raise DiskRefused(detail=f"{device} is a volume of group {present}.")
    if present is None:
        check_unused()
        _call(run, "wipefs", "--all", str(device))
        _call(run, "pvcreate", "--yes", str(device))
    _call(run, "vgextend" if group in _groups(run) else "vgcreate", group, str(device))


def reduce(device: Path, group: str, run: Run) -> None:
    """Remove ``device`` from ``group``; a group ends with its last volume. DiskRefused."""
    _check_name(group)
    present = _group_of(device, run)
    if present is None:
        return
    if present not in ("", group):
        raise DiskRefused(detail=f"{device} is a volume of group {present}.")
    if present == group:
        volumes, logical = _groups(run).get(group, (0, 0))
        if volumes > 1:
            _call(run, "vgreduce", group, str(device))
        elif logical:
            # vgremove would ask whether to remove them too.
            raise DiskRefused(detail=f"Volume group {group} has logical volumes.")
        else:
            _call(run, "vgremove", group)
    _call(run, "pvremove", str(device))


def _group_of(device: Path, run: Run) -> str | None:
    """Return the group of the volume on ``device``, empty for a volume without group, None without a volume."""
    same = os.path.realpath(device)
    return next((row.get("vg_name", "") for row in _report(run, "pvs", "pv_name,vg_name")
                 if os.path.realpath(row.get("pv_name", "")) == same), None)


def _groups(run: Run) -> dict[str, tuple[int, int]]:
    """Return how many physical and logical volumes each group has."""
    return {row.get("vg_name", ""): (lvm.number(row, "pv_count"), lvm.number(row, "lv_count"))
            for row in _report(run, "vgs", "vg_name,pv_count,lv_count")}


def _report(run: Run, program: str, fields: str) -> list[dict[str, str]]:
    return lvm.rows(run(lvm.arguments(program, fields), timeout_s=TIMEOUT_S).out, program.removesuffix("s"))


def _check_name(group: str) -> None:
    if _NAME.fullmatch(group) is None:
        raise DiskRefused(detail="The order names no volume group.")


def _call(run: Run, *argv: str) -> None:
    run(list(argv), timeout_s=TIMEOUT_S)
