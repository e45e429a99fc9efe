# SPDX-License-Identifier: Apache-2.0
"""What sm-api and ``smc`` show of service management."""
