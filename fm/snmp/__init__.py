# SPDX-License-Identifier: Apache-2.0
"""SNMP: the notifications that fm-manager sends and the tables that fm-snmp-agent serves."""
