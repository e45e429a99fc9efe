# SPDX-License-Identifier: Apache-2.0
"""The moment and the voters of these tests."""
NOW = 100_000
C0, C1, WITNESS = "controller-0", "controller-1", "witness"
BOTH = frozenset({C0, C1})
