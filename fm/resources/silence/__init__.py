# SPDX-License-Identifier: Apache-2.0
"""Silences: hide alarms by id, by entity or by both, until they expire or are deleted."""
