# SPDX-License-Identifier: Apache-2.0
"""Readers of the kernel's documented files; each module has ``collect(root)`` and no state, and runs no program."""
