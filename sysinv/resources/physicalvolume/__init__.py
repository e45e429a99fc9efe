# SPDX-License-Identifier: Apache-2.0
"""LVM physical volumes of hosts."""
