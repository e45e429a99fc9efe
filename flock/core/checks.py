# SPDX-License-Identifier: Apache-2.0
"""A list of checks of a system: for people as lines, for programs as rows. What is checked, the subsystems say."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HEADING = "System Health:"
_ABSENT = "Not checked: this cloud has none."


@dataclass(frozen=True, slots=True)
class Check:
    """One line. ``detail``: what is wrong; ``advice``: what to do about it."""

    name: str
    ok: bool
    detail: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All checks, and the parts that were not checked because the cloud has none."""

    checks: tuple[Check, ...]
    absent: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether no check failed."""
        return all(check.ok for check in self.checks)

    @property
    def text(self) -> str:
        """For people: a line for each check; detail and advice follow where it failed."""
        lines = [HEADING]
        for check in self.checks:
            lines.append(f"{check.name}: [{'OK' if check.ok else 'Fail'}]")
            lines += [line for line in (check.detail, check.advice) if line and not check.ok]
        if self.absent:
            lines.append(f"Not checked, since this cloud has none: {', '.join(self.absent)}")
        return "\n".join(lines) + "\n"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For programs: ``check``, ``ok``, ``detail``, ``advice`` and ``skipped`` of each check. Detail and advice are
        empty where nothing is wrong. A part that the cloud does not have is a skipped check; it counts as ok."""
        done = [{"check": check.name, "ok": check.ok, "detail": "" if check.ok else check.detail,
                 "advice": "" if check.ok else check.advice, "skipped": False} for check in self.checks]
        return done + [{"check": part, "ok": True, "detail": _ABSENT, "advice": "", "skipped": True}
                       for part in self.absent]


def from_rows(rows: Any) -> Report:
    """The report whose ``rows`` these are; ValueError for anything else."""
    if not isinstance(rows, list) or not rows:
        raise ValueError("checks are a list that is not empty")
    checks, absent = [], []
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("check"), str) or not isinstance(row.get("ok"), bool):
            raise ValueError("a check has a name and says whether it is ok")
        if row.get("skipped") is True:
            absent.append(row["check"])
        else:
            checks.append(Check(row["check"], row["ok"], str(row.get("detail") or ""), str(row.get("advice") or "")))
    return Report(tuple(checks), tuple(absent))


def no_names(name: str, wrong: Iterable[str], title: str, advice: str) -> Check:
    """A check that fails when there is a name in ``wrong``: the detail lists them after ``title``, sorted."""
    found = sorted(wrong)
    return Check(name, not found, f"{title}: {', '.join(found)}", advice)
