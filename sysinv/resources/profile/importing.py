# SPDX-License-Identifier: Apache-2.0
"""Reads a file of profiles (XML). The file is untrusted: no document type, no entities, every number is bounded.

Each profile is judged alone: one that is wrong keeps the others from nothing.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from flock.wire.errors import shown
from sysinv.contract.enums import CpuFunction, StorFunction
from sysinv.resources.profile.body import Body, ProfileCpu, ProfileDisk, ProfileMemory, ProfileStor
from sysinv.resources.profile.fields import NAME, ProfileType
from sysinv.resources.storagetier.rules import DEFAULT
from sysinv.resources.volumegroup.rules import NOVA_LOCAL

PROCESSORS_MAX, CORES_MAX, PAGES_MAX, GIB_MAX, DISKS_MAX = 64, 1024, 2**24, 2**20, 1000
GIB_MIB = 1024
TEXT_MAX = 255
_NUMBER = re.compile(r"[0-9]{1,9}")
_DEALT = (("platformCores", CpuFunction.PLATFORM), ("vswitchCores", CpuFunction.VSWITCH),
          ("sharedCores", CpuFunction.SHARED))


class Unreadable(ValueError):
    """The file, or one profile in it, is not what it should be; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Read:
    """One profile of the file. ``title`` names its kind; ``error`` is why it cannot be stored."""

    title: str
    name: str
    profile_type: ProfileType | None = None
    body: Body | None = None
    error: str = ""


def profiles(data: bytes) -> list[Read]:
    """Return the profiles of a file, in its order; Unreadable when it is no file of profiles."""
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unreadable(f"it is not valid XML: {type(error).__name__}") from error
    if root.tag != "profiles":
        raise Unreadable(f"its root is {shown(root.tag)}, not profiles")
    return [_profile(one) for one in root]


def _profile(element: Element) -> Read:
    name = element.get("name", "")
    known = _KINDS.get(element.tag)
    if known is None:
        title = "Interface profile" if element.tag == "interfaceProfile" else shown(element.tag)
        return Read(title, shown(name), error="Profiles of this kind can not be imported; take one from a host.")
    title, profile_type, read = known
    try:
        NAME.validate(name)
        return Read(title, name, profile_type, read(element))
    except ValueError as error:
        return Read(title, shown(name), profile_type, error=str(error))


def _cpus(element: Element) -> Body:
    shape = _child(element, "processor")
    nodes = _text_number(shape, "numberOfProcessor", 1, PROCESSORS_MAX)
    cores = _text_number(shape, "coresPerProcessor", 1, CORES_MAX)
    if nodes * cores > CORES_MAX:
        raise Unreadable(f"processor: at most {CORES_MAX} cores are supported.")
    threads = 2 if shape.find("hyperThreading") is not None else 1
    functions: dict[int, list[CpuFunction]] = {node: [] for node in range(nodes)}
    for tag, function in _DEALT:
        for node, count in _by_processor(element, tag, "numberOfCores", nodes, cores).items():
            functions[node] += [function] * count
    for node, dealt in functions.items():
        if len(dealt) >= cores:
            raise Unreadable(f"processor {node}: at least one of its {cores} cores must remain for applications.")
        dealt += [CpuFunction.APPLICATION] * (cores - len(dealt))
    # Linux counts the cores of all processors first, then their second threads.
    return Body(cpus=tuple(
        ProfileCpu(cpu=(thread * nodes + node) * cores + core, numa_node=node, core=core, thread=thread,
                   cpu_family=None, cpu_model=None, allocated_function=functions[node][core])
        for thread in range(threads) for node in range(nodes) for core in range(cores)))


def _memory(element: Element) -> Body:
    nodes = _text_number(element, "numberOfProcessor", 1, PROCESSORS_MAX)
    reserved = _by_processor(element, "platformReservedMiB", "size", nodes, PAGES_MAX)
    missing = sorted(set(range(nodes)) - reserved.keys())
    if missing:
        raise Unreadable(f"platformReservedMiB: processor {missing[0]} has no value.")
    small, large, pages, size = (_by_processor(element, tag, "size", nodes, PAGES_MAX) for tag in (
        "vmHugePages2M", "vmHugePages1G", "vsHugePagesNr", "vsHugePagesSz"))
    return Body(memory=tuple(ProfileMemory(
        node, reserved[node], small.get(node, 0), large.get(node, 0), False, pages.get(node, 0), size.get(node, 2))
        for node in range(nodes)))


def _stors(element: Element) -> Body:
    return Body(stors=tuple(sorted((_stor(one) for one in _disks(element)),
                                   key=lambda one: (one.function is StorFunction.OSD, one.device_path))))


def _stor(disk: Element) -> ProfileStor:
    function = disk.get("volumeFunc", StorFunction.OSD.value)
    if function not in tuple(StorFunction):
        raise Unreadable(f"volumeFunc: {shown(function)} is not one of {', '.join(StorFunction)}.")
    if function == StorFunction.JOURNAL:
        return ProfileStor(_path(disk, "path"), "", _size(disk), StorFunction.JOURNAL)
    journal = _attribute_number(disk, "journalSize", 0, GIB_MAX) if disk.get("journalSize") else 0
    where = _path(disk, "journalLocation") if disk.get("journalLocation") else ""
    return ProfileStor(_path(disk, "path"), "", _size(disk), StorFunction.OSD, disk.get("tier") or DEFAULT, where,
                       journal)


def _local(element: Element) -> Body:
    group = _child(element, "lvg").get("lvm_vg_name", "")
    if group != NOVA_LOCAL:
        raise Unreadable(f"lvm_vg_name: only volume group {NOVA_LOCAL} is supported, not {shown(group)}.")
    return Body(disks=tuple(ProfileDisk(_path(disk, "path"), "", _size(disk)) for disk in _disks(element)))


def _disks(element: Element) -> Iterator[Element]:
    found = element.findall("disk")
    paths = [disk.get("path") for disk in found]
    if not 0 < len(found) <= DISKS_MAX or len(set(paths)) < len(paths):
        raise Unreadable(f"disk: a profile has 1 to {DISKS_MAX} disks, each once.")
    return iter(found)


def _size(disk: Element) -> int:
    return _attribute_number(disk, "size", 0, GIB_MAX) * GIB_MIB


def _path(disk: Element, name: str) -> str:
    text = disk.get(name, "")
    if not text.startswith("/dev/") or len(text) > TEXT_MAX or not text.isprintable():
        raise Unreadable(f"{name}: {shown(text)} is not the path of a device.")
    return text


def _child(element: Element, tag: str) -> Element:
    found = element.find(tag)
    if found is None:
        raise Unreadable(f"{tag}: it is missing.")
    return found


def _by_processor(element: Element, tag: str, name: str, nodes: int, most: int) -> Mapping[int, int]:
    """Return the value of each processor that an optional element names."""
    found: dict[int, int] = {}
    for one in element.findall(f"{tag}/processor"):
        node = _attribute_number(one, "index", 0, nodes - 1)
        if node in found:
            raise Unreadable(f"{tag}: processor {node} is named twice.")
        found[node] = _attribute_number(one, name, 0, most)
    return found


def _attribute_number(element: Element, name: str, least: int, most: int) -> int:
    return _number(name, element.get(name, ""), least, most)


def _text_number(element: Element, tag: str, least: int, most: int) -> int:
    return _number(tag, (_child(element, tag).text or "").strip(), least, most)


def _number(name: str, text: str, least: int, most: int) -> int:
    if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
        raise Unreadable(f"{name}: {shown(text)} is not a number from {least} to {most}.")
    return int(text)


_KINDS: Mapping[str, tuple[str, ProfileType, Callable[[Element], Body]]] = {
    "cpuProfile": ("CPU Profile", ProfileType.CPU, _cpus),
    "memoryProfile": ("Memory profile", ProfileType.MEMORY, _memory),
    "storageProfile": ("Storage profile", ProfileType.OSD, _stors),
    "localstorageProfile": ("Local Storage profile", ProfileType.LOCAL_STORAGE, _local)}
