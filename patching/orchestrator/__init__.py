# SPDX-License-Identifier: Apache-2.0
"""The orchestrator: keeps the strategy, and carries it out through the interfaces of the other services."""
