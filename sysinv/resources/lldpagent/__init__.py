# SPDX-License-Identifier: Apache-2.0
"""What the LLDP agents of hosts' ports tell their neighbours."""
