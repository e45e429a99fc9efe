# SPDX-License-Identifier: Apache-2.0
"""How the nodes of a domain agree on one leader, and on whose data is current: doc/source/sm/design.rst."""
