# SPDX-License-Identifier: Apache-2.0
"""Sensors of hosts' board management controllers, as mtce reads them."""
