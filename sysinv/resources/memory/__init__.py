# SPDX-License-Identifier: Apache-2.0
"""Memory and huge pages of each NUMA node of a host."""
