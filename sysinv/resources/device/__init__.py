# SPDX-License-Identifier: Apache-2.0
"""PCI devices of hosts: GPUs, crypto and other accelerators."""
