# SPDX-License-Identifier: Apache-2.0
"""Silences: alarms that an operator hides by id, by entity or by both, for a time or for good."""
