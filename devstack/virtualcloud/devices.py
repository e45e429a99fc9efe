# SPDX-License-Identifier: Apache-2.0
"""Limits the device nodes that a host may open: the kernel denies all but a short list, whatever nodes a host creates.

Version 1 of control groups has a device controller; version 2 runs a small BPF program on every access. The rules hold
for a group and all groups below it, so root inside a host, which is one level deeper, cannot extend them.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud.errors import LabError

# bpf(2): numbers of the kernel's interface, which never change.
_SYSCALL = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD, _PROG_ATTACH, _CGROUP_DEVICE, _ATTACH_DEVICE, _ALLOW_MULTI = 5, 8, 15, 6, 2
_ATTR_BYTES = 128
_LOAD_WORD, _AND, _JUMP_UNLESS, _MOVE, _EXIT = 0x61, 0x54, 0x55, 0xB7, 0x95
_KINDS = {"b": 1, "c": 2}


@dataclass(frozen=True, slots=True)
class Device:
    """A device that a host may create, read and write: `kind` is `b` or `c`; `minor` None means every minor number."""

    kind: str
    major: int
    minor: int | None


# null, zero, full, random, urandom, tty, console, ptmx and the terminals of devpts.
HARMLESS = (
    Device("c", 1, 3), Device("c", 1, 5), Device("c", 1, 7), Device("c", 1, 8), Device("c", 1, 9),
    Device("c", 5, 0), Device("c", 5, 1), Device("c", 5, 2), Device("c", 136, None),
)  # fmt: skip


def controller_lines(allowed: Iterable[Device]) -> list[str]:
    """Return the lines for `devices.allow` of version 1."""
    return [f"{item.kind} {item.major}:{'*' if item.minor is None else item.minor} rwm" for item in allowed]


def bpf_program(allowed: Iterable[Device]) -> bytes:
    """Return the instructions of a program that returns 1 for these devices and 0 for all others."""
    code = [
        _instruction(_LOAD_WORD, 2, 1, offset=0), _instruction(_AND, 2, constant=0xFFFF),
        _instruction(_LOAD_WORD, 4, 1, offset=4), _instruction(_LOAD_WORD, 5, 1, offset=8),
    ]  # fmt: skip
    for item in allowed:
        tests = [(2, _KINDS[item.kind]), (4, item.major)]
        if item.minor is not None:
            tests.append((5, item.minor))
        for number, (register, wanted) in enumerate(tests):
            skipped = len(tests) - number - 1 + 2  # the other tests and the answer
            code.append(_instruction(_JUMP_UNLESS, register, offset=skipped, constant=wanted))
        code += [_instruction(_MOVE, 0, constant=1), _instruction(_EXIT)]
    return b"".join([*code, _instruction(_MOVE, 0), _instruction(_EXIT)])


def _instruction(code: int, target: int = 0, source: int = 0, *, offset: int = 0, constant: int = 0) -> bytes:
    return struct.pack("<BBhi", code, target | source << 4, offset, constant)


def confine_v1(group: Path, allowed: Iterable[Device]) -> None:
    """Deny a new group of the device controller everything but `allowed`; OSError when the kernel refuses."""
    (group / "devices.deny").write_text("a", encoding="ascii")
    for line in controller_lines(allowed):
        (group / "devices.allow").write_text(line, encoding="ascii")


def confine_v2(group: Path, allowed: Iterable[Device]) -> None:
    """Do the same for a new group of version 2; the program exists as long as the group. Raises OSError or LabError.

    The kernel also runs the programs of groups below, which can only deny more.
    """
    descriptor = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    program = -1
    try:
        code, license_text = ctypes.create_string_buffer(bpf_program(allowed)), ctypes.create_string_buffer(b"GPL")
        count = (len(code) - 1) // 8
        load = struct.pack("<IIQQ", _CGROUP_DEVICE, count, ctypes.addressof(code), ctypes.addressof(license_text))
        program = _bpf(_PROG_LOAD, load)
        _bpf(_PROG_ATTACH, struct.pack("<IIII", descriptor, program, _ATTACH_DEVICE, _ALLOW_MULTI))
    finally:
        os.close(descriptor)
        if program >= 0:
            os.close(program)


def _bpf(command: int, attributes: bytes) -> int:
    number = _SYSCALL.get(os.uname().machine)
    if number is None:
        raise LabError(f"the lab cannot deny devices on {os.uname().machine} with control groups of version 2 alone")
    buffer = ctypes.create_string_buffer(attributes, _ATTR_BYTES)
    result = int(ctypes.CDLL(None, use_errno=True).syscall(number, command, buffer, _ATTR_BYTES))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"bpf: {os.strerror(error)}")
    return result
