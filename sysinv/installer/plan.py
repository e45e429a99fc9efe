# SPDX-License-Identifier: Apache-2.0
"""Pure plan of an installation: checks the configuration bundle, then lists all writes before the first is made."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flock import tls
from flock.core.errors import InvalidInput
from flock.core.parse import parse_json
from sysinv.model.hostfiles import bundle_purpose

FILES_MAX = 200
CONTENT_MAX = 1024 * 1024
UNIT_DIRECTORY = "/etc/systemd/system"
GOENABLED_DIRECTORY = "/etc/goenabled.d"
# systemd creates a new identity at the next boot; some container managers require that the file exists.
MACHINE_ID = "uninitialized\n"
_UNIT = re.compile(r"[a-z0-9][a-z0-9@_.-]{0,100}\.(service|target|timer|path|socket)")
_UNIT_BARE = re.compile(r"[a-z0-9][a-z0-9@_-]{0,100}")
_TARGET = re.compile(r"[a-z0-9@_.-]+\.target")


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a complete file below the target."""

    path: str
    mode: int
    content: str


@dataclass(frozen=True, slots=True)
class MakeLink:
    """Create a symbolic link below the target; replaces an existing one."""

    path: str
    points_to: str


Step = WriteFile | MakeLink


@dataclass(frozen=True, slots=True)
class Bundle:
    """Configuration of one host as sysinv serves it."""

    hostname: str
    personality: str
    files: tuple[WriteFile, ...]
    units: tuple[str, ...]


def open_bundle(reply: Any, key_pem: bytes, host_uuid: str) -> Bundle:
    """Open and check the controller's reply ``{"sealed": text}``; SealBroken when it is for another host or key."""
    if not isinstance(reply, Mapping) or not isinstance(reply.get("sealed"), str):
        raise InvalidInput(field="sealed", rule="must be text")
    return parse_bundle(parse_json(tls.open_sealed(key_pem, reply["sealed"], bundle_purpose(host_uuid))))


def parse_bundle(data: Any) -> Bundle:
    """Check the shape of a bundle; InvalidInput names the field and the rule."""
    if not isinstance(data, Mapping):
        raise InvalidInput(field="bundle", rule="must be a JSON object")
    files, units = data.get("files"), data.get("units")
    if not isinstance(files, list) or len(files) > FILES_MAX:
        raise InvalidInput(field="files", rule=f"must be a list of at most {FILES_MAX} files")
    if not isinstance(units, list) or len(units) > FILES_MAX:
        raise InvalidInput(field="units", rule=f"must be a list of at most {FILES_MAX} unit names")
    return Bundle(
        hostname=_text(data, "hostname"), personality=_text(data, "personality"),
        files=tuple(_file(entry) for entry in files), units=tuple(_unit_name(name) for name in units))


def install_plan(bundle: Bundle, unit_texts: Mapping[str, str], tests: Mapping[str, str]) -> list[Step]:
    """Return all writes of an installation in order.

    ``unit_texts`` maps unit file names to the texts that the release ships, ``tests`` maps names of go-enabled tests
    to theirs. Raises InvalidInput when the bundle enables a unit that is not shipped.
    """
    steps: list[Step] = list(bundle.files)
    steps.append(WriteFile("/etc/hostname", 0o644, bundle.hostname + "\n"))
    steps.append(WriteFile("/etc/machine-id", 0o444, MACHINE_ID))
    for name, text in sorted(tests.items()):
        steps.append(WriteFile(f"{GOENABLED_DIRECTORY}/{name}", 0o755, text))
    for unit in bundle.units:
        if unit not in unit_texts:
            raise InvalidInput(field="units", rule=f"{unit} is not shipped with this release")
        steps.append(WriteFile(f"{UNIT_DIRECTORY}/{unit}", 0o644, unit_texts[unit]))
        for target in wanted_by(unit_texts[unit]):
            steps.append(MakeLink(f"{UNIT_DIRECTORY}/{target}.wants/{unit}", f"{UNIT_DIRECTORY}/{unit}"))
    return steps


def wanted_by(unit_text: str) -> Sequence[str]:
    """Return the targets of ``WantedBy=`` in the unit's ``[Install]`` section."""
    section = ""
    targets: list[str] = []
    for line in unit_text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        elif section == "[Install]" and stripped.startswith("WantedBy="):
            targets += [word for word in stripped.removeprefix("WantedBy=").split() if _TARGET.fullmatch(word)]
    return targets


def _file(entry: Any) -> WriteFile:
    if not isinstance(entry, Mapping):
        raise InvalidInput(field="files", rule="must hold objects")
    mode = entry.get("mode")
    if isinstance(mode, str):
        try:
            mode = int(mode, 8)
        except ValueError as error:
            raise InvalidInput(field="files.mode", rule="must be an octal number") from error
    if not isinstance(mode, int) or mode & ~0o777:
        raise InvalidInput(field="files.mode", rule="must be permission bits")
    content = entry.get("content")
    if not isinstance(content, str) or len(content) > CONTENT_MAX:
        raise InvalidInput(field="files.content", rule=f"must be text of at most {CONTENT_MAX} characters")
    return WriteFile(_text(entry, "path"), mode, content)


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value or "\0" in value or "\n" in value:
        raise InvalidInput(field=name, rule="must be one line of text")
    return value


def _unit_name(name: Any) -> str:
    if isinstance(name, str):
        if _UNIT.fullmatch(name):
            return name
        if _UNIT_BARE.fullmatch(name):
            return f"{name}.service"
    raise InvalidInput(field="units", rule="must hold unit names")
