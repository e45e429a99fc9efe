# SPDX-License-Identifier: Apache-2.0
"""Assignments of data networks to interfaces."""
