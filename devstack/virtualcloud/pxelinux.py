# SPDX-License-Identifier: Apache-2.0
"""Parses PXELINUX's boot file as far as the firmware needs it: the label that runs, and its command line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TEXT_BYTES_MAX = 64 * 1024


class BootFileError(ValueError):
    """The boot file is invalid; the text names the fault."""


class Action(Enum):
    """What the firmware does with a label."""

    WAIT = "wait"
    INSTALL = "install"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Label:
    """One stanza: its name, kernel and command line; `local` for LOCALBOOT."""

    name: str
    kernel: str = ""
    append: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class BootFile:
    """A parsed boot file: the stanzas in order and the name of the default one."""

    default: str
    labels: tuple[Label, ...]

    def chosen(self) -> Label:
        """Return the stanza that runs without user input; BootFileError when it is missing."""
        if not self.labels:
            raise BootFileError("the boot file has no LABEL")
        if not self.default:
            return self.labels[0]
        for label in self.labels:
            if label.name == self.default:
                return label
        raise BootFileError(f"DEFAULT names the label {self.default!r}, which the boot file does not have")


def boot_file_names(mac_address: str) -> tuple[str, ...]:
    """Return the boot file names that a firmware requests, the machine's own first."""
    return f"pxelinux.cfg/01-{mac_address.lower().replace(':', '-')}", "pxelinux.cfg/default"


def parse(text: str) -> BootFile:
    """Parse a boot file; keywords are case-insensitive. Skips unknown ones, as the real loader does."""
    if len(text) > TEXT_BYTES_MAX:
        raise BootFileError(f"the boot file is longer than {TEXT_BYTES_MAX} bytes")
    default = ""
    global_append = ""
    stanzas: list[dict[str, str]] = []
    for line in text.splitlines():
        keyword, _, rest = line.strip().partition(" ")
        keyword, rest = keyword.lower(), rest.strip()
        if keyword == "default":
            default = rest.split()[0] if rest else ""
        elif keyword == "label":
            if not rest:
                raise BootFileError("a LABEL has no name")
            stanzas.append({"name": rest.split()[0]})
        elif keyword == "append" and not stanzas:
            global_append = rest
        elif keyword in ("kernel", "linux"):
            _current(stanzas, keyword)["kernel"] = rest
        elif keyword in ("append", "localboot"):
            _current(stanzas, keyword)[keyword] = rest
    return BootFile(default, tuple(_label(stanza, global_append) for stanza in stanzas))


def _current(stanzas: list[dict[str, str]], keyword: str) -> dict[str, str]:
    if not stanzas:
        raise BootFileError(f"{keyword.upper()} stands before the first LABEL")
    return stanzas[-1]


def _label(stanza: dict[str, str], global_append: str) -> Label:
    append = stanza.get("append", global_append)
    if append == "-":  # in PXELINUX: also without the global APPEND
        append = ""
    return Label(stanza["name"], stanza.get("kernel", ""), append, "localboot" in stanza)


def arguments(append: str) -> dict[str, str]:
    """Return a kernel command line as a mapping; the last of repeated names counts, a bare word maps to ''."""
    found: dict[str, str] = {}
    for word in append.split():
        name, _, value = word.partition("=")
        found[name] = value
    return found


def action(label: Label) -> Action:
    """Return what the firmware does with a label; BootFileError for one without kernel and LOCALBOOT."""
    if label.local:
        return Action.LOCAL
    if arguments(label.append).get("flock.wait") == "1":
        return Action.WAIT
    if not label.kernel:
        raise BootFileError(f"the label {label.name!r} has neither KERNEL nor LOCALBOOT")
    return Action.INSTALL
