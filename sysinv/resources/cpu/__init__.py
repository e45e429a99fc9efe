# SPDX-License-Identifier: Apache-2.0
"""Logical CPUs of hosts and the functions assigned to them."""
