# SPDX-License-Identifier: Apache-2.0
"""Permanent MAC address of a port whose current address was set by a bond, a team or the operator."""
from __future__ import annotations

import ctypes
import fcntl
import re
import socket
import struct
from pathlib import Path

from flock.exec.root import Root

NET, BONDING = "sys/class/net", "proc/net/bonding"
ADDRESS_WAS_SET = 3
# linux/sockios.h and linux/ethtool.h; the reply is struct ethtool_perm_addr with up to 32 bytes of address.
SIOCETHTOOL, ETHTOOL_GPERMADDR, ADDRESS_MAX, NAME_MAX = 0x8946, 0x20, 32, 15
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NONE = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")


def permanent_mac(root: Root, name: str) -> str | None:
    """Return the permanent MAC address of a device from its bond, else from its driver; None when unknown.

    Queries the driver only on the running machine, and only when the kernel reports that the address was set.
    """
    base = f"{NET}/{name}"
    told = root.text(f"{base}/bonding_slave/perm_hwaddr") or _in_bond(root, name)
    if not told and root.path == Path("/") and root.int(f"{base}/addr_assign_type") == ADDRESS_WAS_SET:
        told = asked(name)
    mac = told.lower()
    return mac if _MAC.fullmatch(mac) and mac not in _NONE else None


def _in_bond(root: Root, name: str) -> str:
    """Return a slave's permanent address from the file of its bond, its only source on kernels before 3.14."""
    for bond in root.listdir(BONDING):
        slave = ""
        for line in root.lines(f"{BONDING}/{bond}"):
            key, _, value = line.partition(":")
            if key.strip() == "Slave Interface":
                slave = value.strip()
            elif key.strip() == "Permanent HW addr" and slave == name:
                return value.strip()
    return ""


def asked(name: str) -> str:
    """Query the driver as ``ethtool -P`` does; returns empty text when the driver does not report an address."""
    answer = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_GPERMADDR, ADDRESS_MAX) + bytes(ADDRESS_MAX))
    request = struct.pack("16sP16x", name.encode(errors="surrogateescape")[:NAME_MAX], ctypes.addressof(answer))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            fcntl.ioctl(channel, SIOCETHTOOL, request)
    except OSError:
        return ""
    size = struct.unpack_from("I", answer, 4)[0]
    return ":".join(f"{byte:02x}" for byte in answer.raw[8:8 + min(size, ADDRESS_MAX)])
