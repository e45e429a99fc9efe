# SPDX-License-Identifier: Apache-2.0
"""Held raises and clears, and flap states of watched alarms."""
