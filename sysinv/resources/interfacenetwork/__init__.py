# SPDX-License-Identifier: Apache-2.0
"""Assignments of platform networks to interfaces."""
