# SPDX-License-Identifier: Apache-2.0
"""Decisions of software management: pure functions of (view, event, now), without I/O."""
