# SPDX-License-Identifier: Apache-2.0
"""Storage clusters: what a Ceph back end or the application rook-ceph makes of the disks of hosts."""
