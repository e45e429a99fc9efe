# SPDX-License-Identifier: Apache-2.0
"""Parser of ``/proc/cpuinfo`` of every architecture: fields per processor, family and model."""
from __future__ import annotations

import re

from flock.exec import root as files
from flock.exec.root import Root
from sysinv.agent.collectors.cpusets import NUMBER_MAX

PATH = "proc/cpuinfo"
# ``processor : 0`` (most), ``processor 0: version = FF, …`` and ``cpu number : 0`` (s390), ``CPU0 : online`` (sparc).
_HEADING = re.compile(r"(?:processor|cpu number|cpu)\s*(\d+)?", re.IGNORECASE)
_PAIR = re.compile(r"(\w+)\s*=\s*([^,]+)")
TEXT_OF_PROCESSOR = "processor name"
FAMILY_NAMES = ("cpu family", "cpu architecture", "family")
MODEL_NAMES = ("model name", "cpu model", "uarch", "cpu", TEXT_OF_PROCESSOR)


def cpuinfo(root: Root) -> dict[int, dict[str, str]]:
    """Return the fields of each processor number, names in lower case; fields before the first processor apply to all.

    A file that names no processor (alpha, old ARM) describes processor 0.
    """
    shared: dict[str, str] = {}
    processors: dict[int, dict[str, str]] = {}
    current = shared
    for line in root.lines(PATH):
        name, colon, value = line.partition(":")
        name, value = " ".join(name.lower().split()), value.strip()
        if not colon:
            continue
        number = _number(name, value)
        if number is not None:
            current = processors.setdefault(number, dict(shared))
            current.update({key.lower(): text.strip() for key, text in _PAIR.findall(value)})
        elif name == "processor":
            current[TEXT_OF_PROCESSOR] = value
        else:
            current[name] = value
    return processors or ({0: shared} if shared else {})


def _number(name: str, value: str) -> int | None:
    """Return the number of the processor whose description begins with this line; None for any other line."""
    match = _HEADING.fullmatch(name)
    if match is None:
        return None
    if match[1] is not None:
        value = match[1]
    elif name == "cpu":
        return None
    found = files.number(value)
    return found if found is not None and 0 <= found <= NUMBER_MAX else None


def family(fields: dict[str, str]) -> str:
    """Return the CPU family (x86 family number, ARM architecture version, ...); empty when unknown."""
    return next((fields[name] for name in FAMILY_NAMES if fields.get(name)), "")


def model(fields: dict[str, str]) -> str:
    """Return the model's name with single blanks; else ARM's implementer and part, or s390's vendor and machine."""
    for name in MODEL_NAMES:
        if fields.get(name):
            return " ".join(fields[name].split())
    if "cpu implementer" in fields:
        return f"ARM implementer {fields['cpu implementer']} part {fields.get('cpu part', 'unknown')}"
    if "machine" in fields:
        return f"{fields.get('vendor_id', '')} machine {fields['machine']}".strip()
    return ""


def flags(info: dict[int, dict[str, str]]) -> frozenset[str]:
    """Return the flags of the first processor that has any (x86)."""
    return next((frozenset(fields["flags"].split()) for fields in info.values() if "flags" in fields), frozenset())
