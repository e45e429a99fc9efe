# SPDX-License-Identifier: Apache-2.0
"""Kernel types of hosts: standard or low-latency."""
