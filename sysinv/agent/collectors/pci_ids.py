# SPDX-License-Identifier: Apache-2.0
"""Names of PCI classes, vendors and devices from the ``pci.ids`` file; without it, ids as lspci prints them."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from flock.exec.root import Root

IDS_PATHS = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids")
NO_ID = ("", "0000", "ffff")


@dataclass(frozen=True, slots=True)
class PciId:
    """Identity of one function; lower-case hexadecimal without 0x: class 6 digits, the others 4."""

    class_id: str
    vendor: str
    device: str
    subvendor: str
    subdevice: str


@dataclass(frozen=True, slots=True)
class PciNames:
    """Names found for one set of functions."""

    classes: Mapping[str, str] = field(default_factory=dict)
    vendors: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def of_class(self, function: PciId) -> str:
        """Return the name of the class (first four digits)."""
        return self.classes.get(function.class_id[:4], f"Class {function.class_id[:4]}")

    def of_vendor(self, vendor: str) -> str:
        """Return the name of a vendor; empty for an id that means no vendor."""
        return "" if vendor in NO_ID else self.vendors.get(vendor, f"Vendor {vendor}")

    def of_device(self, function: PciId) -> str:
        """Return the name of the device."""
        return self.devices.get((function.vendor, function.device), f"Device {function.device}")

    def of_subsystem(self, function: PciId) -> str:
        """Return the name of the function's card; empty when the function has no subsystem id."""
        if function.subvendor in NO_ID:
            return ""
        key = (function.vendor, function.device, function.subvendor, function.subdevice)
        return self.devices.get(key, f"Device {function.subdevice}")


def names_for(roots: Iterable[Root], functions: Iterable[PciId]) -> PciNames:
    """Return names for ``functions`` from the first root that has a ``pci.ids``."""
    wanted = frozenset(functions)
    return next((names for root in roots if (names := _names_in(root, wanted)) is not None), PciNames())


@lru_cache(maxsize=8)
def _names_in(root: Root, wanted: frozenset[PciId]) -> PciNames | None:
    """Return names from the file of ``root``, cached per set of functions, because the file has some 35 000 lines."""
    return next((_pick(lines, wanted) for path in IDS_PATHS if (lines := root.lines(path))), None)


def _pick(lines: list[str], wanted: frozenset[PciId]) -> PciNames:
    vendors_wanted = {part for function in wanted for part in (function.vendor, function.subvendor)}
    devices_wanted = {(function.vendor, function.device) for function in wanted}
    cards_wanted = {(function.vendor, function.device, function.subvendor, function.subdevice) for function in wanted}
    classes_wanted = {function.class_id[:4] for function in wanted}
    classes: dict[str, str] = {}
    vendors: dict[str, str] = {}
    devices: dict[tuple[str, ...], str] = {}
    in_classes, outer, inner = False, "", ""
    for line in lines:
        if line.startswith("#"):
            continue
        depth = len(line) - len(line.lstrip("\t"))
        key, _, name = line.strip().partition("  ")
        if depth == 0:
            in_classes, outer = key.startswith("C "), key.removeprefix("C ")
            if not in_classes and key in vendors_wanted:
                vendors[key] = name
        elif in_classes and depth == 1:
            if outer + key in classes_wanted:
                classes[outer + key] = name
        elif depth == 1:
            inner = key
            if (outer, key) in devices_wanted:
                devices[outer, key] = name
        elif depth == 2 and not in_classes and (card := (outer, inner, *key.split())) in cards_wanted:
            devices[card] = name
    return PciNames(classes, vendors, devices)
