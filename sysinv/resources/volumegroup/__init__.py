# SPDX-License-Identifier: Apache-2.0
"""LVM volume groups of hosts."""
