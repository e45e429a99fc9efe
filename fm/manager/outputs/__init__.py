# SPDX-License-Identifier: Apache-2.0
"""Outputs of notices: system log, webhooks, Alertmanager, bus, SNMP. Each has its own queue and retries."""
