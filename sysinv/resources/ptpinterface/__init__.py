# SPDX-License-Identifier: Apache-2.0
"""PTP interfaces: the interfaces of hosts that a PTP instance uses, with their parameters."""
