# SPDX-License-Identifier: Apache-2.0
"""Readers of the kernel's documented files.

Each module has ``collect(root) -> Items`` and no state, and runs no program.
"""
