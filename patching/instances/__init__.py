# SPDX-License-Identifier: Apache-2.0
"""Drivers for what runs on hosts: how it is moved away, stopped and started around a reboot of its host."""
