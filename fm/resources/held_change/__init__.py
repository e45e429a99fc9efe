# SPDX-License-Identifier: Apache-2.0
"""Raises and clears that wait, and recent changes of watched alarms."""
