# SPDX-License-Identifier: Apache-2.0
"""What notices between audits that something has happened to a service: its process, unit, heartbeat, own word."""
