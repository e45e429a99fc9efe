# SPDX-License-Identifier: Apache-2.0
"""Monitors of the Ceph cluster."""
