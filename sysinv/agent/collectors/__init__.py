# SPDX-License-Identifier: Apache-2.0
"""Collectors: readers of the kernel's documented files.

Each module has ``collect(root) -> Items`` and keeps no state. Only ``lvm`` and ``lldp`` run programs, those of LVM and
lldpd's own client: no file has what they tell.
"""
