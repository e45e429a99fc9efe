# SPDX-License-Identifier: Apache-2.0
"""Collectors: readers of the kernel's documented files.

Each module has ``collect(root) -> Items``, keeps no state and runs no program. Only LLDP is asked of a program, lldpd's
own client, because the kernel does not know it.
"""
