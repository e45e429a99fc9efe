# SPDX-License-Identifier: Apache-2.0
"""The moment and the nodes of these tests."""
NOW = 100_000
C0, C1 = "controller-0", "controller-1"
