# SPDX-License-Identifier: Apache-2.0
"""Tables and descriptions as sw-patch prints them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flock.cli.table import display_width, printable

UNKNOWN = "n/a"
_FIELDS = (("Release", "sw_version"), ("Patch State", "patchstate"), ("Repo State", "repostate"), ("Status", "status"),
           ("Unremovable", "unremovable"), ("RR", "reboot_required"), ("Apply Active Release Only",
                                                                       "apply_active_release_only"),
           ("Summary", "summary"), ("Description", "description"), ("Install Instructions", "install_instructions"),
           ("Warnings", "warnings"), ("Requires", "requires"))
_INDENT, _LABEL = 4, 28


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows below titles with ``=`` rulers, two spaces between the columns."""
    cells = [[printable(cell).replace("\n", "\\n") for cell in row] for row in rows]
    widths = [max(display_width(text) for text in column) for column in zip(titles, *cells, strict=True)]
    lines = ["  ".join(_centred(title, width) for title, width in zip(titles, widths, strict=True)),
             "  ".join("=" * width for width in widths)]
    lines += ["  ".join(text + " " * (width - display_width(text)) for text, width in zip(row, widths, strict=True))
              for row in cells]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def patches(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The table of ``query``. Where some state is unknown, it tells also where each patch is."""
    ordered = sorted(found.items())
    is_unknown = any(patch.get("patchstate") == UNKNOWN for _, patch in ordered)
    titles = ["Patch ID", "RR", "Release", *(["Repo State"] if is_unknown else []), "Patch State"]
    return table(titles, ([name, str(patch.get("reboot_required", "")), str(patch.get("sw_version", "")),
                           *([str(patch.get("repostate", ""))] if is_unknown else []), str(patch.get("patchstate", ""))]
                          for name, patch in ordered))


def hosts(found: Iterable[Mapping[str, Any]]) -> str:
    """The table of ``query-hosts``."""
    return table(["Hostname", "IP Address", "Patch Current", "Reboot Required", "Release", "State"], (
        [str(host.get("hostname", "")), str(host.get("ip", "")), current(host),
         "Yes" if host.get("requires_reboot") else "No", str(host.get("sw_version", "")), str(host.get("state", ""))]
        for host in sorted(found, key=lambda one: str(one.get("hostname", "")))))


def current(host: Mapping[str, Any]) -> str:
    """Whether a host runs what it should."""
    if host.get("patch_failed"):
        return "Failed"
    if host.get("interim_state"):
        return "Pending"
    return "Yes" if host.get("patch_current") else "No"


def description(name: str, patch: Mapping[str, Any], contents: Any) -> str:
    """What ``show`` prints of a patch."""
    lines = [f"{printable(name)}:"]
    for label, field in _FIELDS:
        lines += _labelled(label, patch.get(field))
    return "".join(f"{line.rstrip()}\n" for line in [*lines, *_labelled("Contents", contents)])


def _labelled(label: str, value: Any) -> list[str]:
    texts = value if isinstance(value, list) else str(value or "").splitlines()
    if not texts:
        return []
    first, *others = (printable(str(text)) for text in texts)
    return [f"{' ' * _INDENT}{f'{label}:':<{_LABEL}}{first}", *(" " * (_INDENT + _LABEL) + text for text in others)]


def _centred(text: str, width: int) -> str:
    room = width - display_width(text)
    return " " * (room // 2) + text + " " * (room - room // 2)
