# SPDX-License-Identifier: Apache-2.0
"""Collectors: readers of the kernel's documented files.

Each module has ``collect(root) -> Items``, keeps no state and runs no program.
"""
