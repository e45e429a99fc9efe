# SPDX-License-Identifier: Apache-2.0
"""The topology of a recorded machine according to other tools: parsers for output of hwloc (XML, console) and lscpu."""
from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_UNIT_BYTES = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


@dataclass(frozen=True, slots=True)
class Core:
    """One physical core: package number, its logical CPUs, and the kernel's core id if the tool reports it."""

    socket: int
    cpus: frozenset[int]
    core_id: int | None


@dataclass(frozen=True, slots=True)
class Node:
    """One NUMA node; ``memory_bytes`` as printed, exact to ``rounding_bytes``; None if the tool does not report it."""

    cpus: frozenset[int]
    memory_bytes: int | None = None
    rounding_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PciFunction:
    """A PCI function: ids in lower-case hexadecimal, class as four digits; bridges have no subsystem ids."""

    pclass: str
    vendor: str
    device: str
    subvendor: str
    subdevice: str
    is_bridge: bool
    # The NUMA nodes of the object above the function; a single one if its location is known exactly.
    nodes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Disk:
    """One block device: ``number`` is (major, minor)."""

    number: tuple[int, int]
    size_kib: int
    model: str | None
    serial: str | None


@dataclass(frozen=True, slots=True)
class Nic:
    """One network interface: hardware address and PCI address."""

    address: str
    pciaddr: str


@dataclass(frozen=True, slots=True)
class Topology:
    """The content of an expected file; None for subjects that it does not cover."""

    cores: frozenset[Core]
    nodes: dict[int, Node]
    models: dict[int, str] = field(default_factory=dict)
    page_sizes_bytes: tuple[int, ...] | None = None
    pci: dict[str, PciFunction] | None = None
    disks: dict[str, Disk] | None = None
    nics: dict[str, Nic] | None = None
    max_mhz: float | None = None
    min_mhz: float | None = None

    @property
    def cpus(self) -> frozenset[int]:
        """All logical CPUs."""
        return frozenset(cpu for core in self.cores for cpu in core.cpus)

    @property
    def sockets(self) -> frozenset[int]:
        """Package numbers."""
        return frozenset(core.socket for core in self.cores)


def expected_topology(path: Path) -> Topology:
    """Parse an expected file according to its suffix (``.xml``, ``.console``, ``.txt``)."""
    if path.suffix == ".xml":
        return parse_hwloc_xml(path.read_text())
    if path.suffix == ".console":
        return parse_hwloc_console(path.read_text())
    return parse_lscpu(path.read_text())


def parse_hwloc_xml(text: str) -> Topology:
    """Parse hwloc's export format, versions 2 and 3 (in version 3, root attributes are ``info`` children)."""
    top = ElementTree.fromstring(text)  # noqa: S314 - own test data, no entities are resolved
    parents = {child: parent for parent in top.iter() for child in parent}
    objects = list(top.iter("object"))

    def above(element: ElementTree.Element, kind: str) -> ElementTree.Element | None:
        while element in parents:
            element = parents[element]
            if element.get("type") == kind:
                return element
        return None

    cores = set()
    for element in objects:
        if element.get("type") == "Core":
            package = above(element, "Package")
            cores.add(Core(_number(package, "os_index"), _hwloc_mask(element, "cpuset"), _number(element, "os_index")))
    nodes = {_number(element, "os_index"): Node(_hwloc_mask(element, "cpuset"), _number(element, "local_memory"))
             for element in objects if element.get("type") == "NUMANode"}
    models = {_number(element, "os_index"): model for element in objects if element.get("type") == "Package"
              and (model := _infos(element).get("CPUModel"))}
    sizes = _infos(top).get("PageSizes") or _infos(objects[0]).get("PageSizes")
    pci = {}
    for element in objects:
        if "pci_busid" in element.attrib:
            holder = parents[element]
            while holder.get("nodeset") is None:
                holder = parents[holder]
            pci[element.attrib["pci_busid"]] = _pci_function(element, _hwloc_mask(holder, "nodeset"))
    return Topology(frozenset(cores), nodes, models,
                    tuple(int(size) for size in sizes.split(",")) if sizes else None,
                    pci or None, _disks(objects) if pci else None, _nics(objects, parents) if pci else None)


def _number(element: ElementTree.Element | None, name: str) -> int:
    return int(element.attrib[name]) if element is not None and name in element.attrib else 0


def _infos(element: ElementTree.Element) -> dict[str, str]:
    return {info.attrib["name"]: info.attrib["value"].strip() for info in element.findall("info")}


def _hwloc_mask(element: ElementTree.Element, name: str) -> frozenset[int]:
    """The set bits of ``0x000000ff,0xffffffff``: 32-bit words, the most significant one first."""
    value = 0
    for word in element.get(name, "0x0").split(","):
        value = value << 32 | int(word or "0", 16)
    return frozenset(bit for bit in range(value.bit_length()) if value >> bit & 1)


def _pci_function(element: ElementTree.Element, nodes: frozenset[int]) -> PciFunction:
    match = re.match(r"(\w{4}) \[(\w{4}):(\w{4})\] \[(\w{4}):(\w{4})\]", element.attrib["pci_type"])
    if match is None:
        raise ValueError(f"pci_type {element.attrib['pci_type']!r}")
    return PciFunction(match[1], match[2], match[3], match[4], match[5], element.get("type") == "Bridge", nodes)


def _disks(objects: list[ElementTree.Element]) -> dict[str, Disk]:
    disks = {}
    for element in objects:
        infos = _infos(element)
        if element.get("type") == "OSDev" and "SectorSize" in infos:
            major, _, minor = infos["LinuxDeviceID"].partition(":")
            disks[element.attrib["name"]] = Disk((int(major), int(minor)), int(infos["Size"].removesuffix("KiB")),
                                                 infos.get("Model"), infos.get("SerialNumber"))
    return disks


def _nics(objects: list[ElementTree.Element],
          parents: dict[ElementTree.Element, ElementTree.Element]) -> dict[str, Nic]:
    nics = {}
    for element in objects:
        address = _infos(element).get("Address")
        if element.get("type") == "OSDev" and address is not None:
            nics[element.attrib["name"]] = Nic(address, parents[element].attrib.get("pci_busid", ""))
    return nics


@dataclass(slots=True, eq=False)
class _Printed:
    """One line of lstopo's tree: type, OS index, other attributes, parent and children."""

    kind: str
    number: int | None
    attributes: str
    above: _Printed | None
    below: list[_Printed] = field(default_factory=list)

    def all_below(self) -> Iterator[_Printed]:
        """This object and all its descendants."""
        yield self
        for child in self.below:
            yield from child.all_below()

    def cpus(self) -> frozenset[int]:
        """OS indexes of the PUs below; for a NUMANode, those below the object to which it is attached."""
        top = self.above if self.kind == "NUMANode" and self.above is not None else self
        return frozenset(one.number for one in top.all_below() if one.kind == "PU" and one.number is not None)

    def package(self) -> int:
        """OS index of the package above; 0 when none is printed."""
        holder = self.above
        while holder is not None and holder.kind != "Package":
            holder = holder.above
        return 0 if holder is None or holder.number is None else holder.number


def parse_hwloc_console(text: str) -> Topology:
    """Parse the output of ``lstopo -v``: an indented tree, then summary lines."""
    cores, nodes, models = set(), {}, {}
    for one in _printed_tree(text):
        if one.kind == "Core":
            cores.add(Core(one.package(), one.cpus(), one.number))
        elif one.kind == "NUMANode" and one.number is not None:
            nodes[one.number] = Node(one.cpus(), *_memory(one.attributes))
        elif one.kind == "Package" and one.number is not None:
            match = re.search(r'CPUModel="([^"]*)"', one.attributes)
            models.update({one.number: match[1]} if match else {})
    sizes = re.search(r"PageSizes=([\d,]+)", text)
    return Topology(frozenset(cores), nodes, models,
                    tuple(int(size) for size in sizes[1].split(",")) if sizes else None)


def _printed_tree(text: str) -> list[_Printed]:
    """All objects of the tree in the order of their lines."""
    objects: list[_Printed] = []
    path: list[tuple[int, _Printed]] = []
    for line in text.splitlines():
        if line.startswith("depth "):
            break
        match = re.match(r"( *)(\w+)(?: L#\d+)? \((?:P#(\d+)\s?)?(.*)\)$", line)
        if match is None:
            continue
        depth = len(match[1])
        path = [(above, one) for above, one in path if above < depth]
        holder = path[-1][1] if path else None
        one = _Printed(match[2], None if match[3] is None else int(match[3]), match[4], holder)
        if holder is not None:
            holder.below.append(one)
        path.append((depth, one))
        objects.append(one)
    return objects


def _memory(attributes: str) -> tuple[int | None, int]:
    match = re.search(r"local=(\d+)([KMGT]iB)", attributes)
    if match is None:
        return None, 0
    return int(match[1]) * _UNIT_BYTES[match[2]], _UNIT_BYTES[match[2]] // 2 + 1


def parse_lscpu(text: str) -> Topology:
    """Parse lscpu's summary and its two tables, the first with logical numbers, the second with the kernel's ids."""
    summary: dict[str, str] = {}
    tables: list[list[list[int]]] = []
    for line in text.splitlines():
        if re.fullmatch(r"[\d,]+", line):
            tables[-1].append([int(cell) if cell else -1 for cell in line.split(",")])
        elif line.startswith("# CPU,"):
            tables.append([])
        elif ":" in line and not line.startswith("#"):
            name, _, value = line.partition(":")
            summary[name.strip()] = value.strip()
    physical: dict[tuple[int, int], set[int]] = {}
    for logical, real in zip(tables[0], tables[1], strict=True):
        physical.setdefault((real[2], logical[1]), set()).add(real[0])
    core_ids = {row[0]: row[1] for row in tables[1]}
    cores = frozenset(Core(socket, frozenset(cpus), core_ids[min(cpus)]) for (socket, _), cpus in physical.items())
    nodes = {}
    for name, value in summary.items():
        if match := re.fullmatch(r"NUMA node(\d+) CPU\(s\)", name):
            nodes[int(match[1])] = Node(frozenset(_lscpu_list(value)))
    return Topology(cores, nodes, dict.fromkeys({core.socket for core in cores}, summary["Model name"]),
                    max_mhz=float(summary["CPU max MHz"]), min_mhz=float(summary["CPU min MHz"]))


def _lscpu_list(text: str) -> Iterator[int]:
    """The numbers in ``0-3,8`` or, with lscpu's step, ``0-62:2``."""
    for part in text.split(","):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        yield from range(int(first), int(last or first) + 1, int(step or 1))
