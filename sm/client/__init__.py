# SPDX-License-Identifier: Apache-2.0
"""How programs of this node talk to the daemon of service management."""
