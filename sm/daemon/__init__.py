# SPDX-License-Identifier: Apache-2.0
"""The daemons of service management: thin shells around the steps of a node and of a witness."""
