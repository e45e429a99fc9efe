# SPDX-License-Identifier: Apache-2.0
"""The whole of what one node decides: its part in the agreement, the leader's orders, and its own services."""
