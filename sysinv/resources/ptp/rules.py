# SPDX-License-Identifier: Apache-2.0
"""The values that the PTP settings of the system have."""
from __future__ import annotations

MODES = ("hardware", "software", "legacy")
TRANSPORTS = ("l2", "udp")
MECHANISMS = ("e2e", "p2p")
CHANGEABLE = ("mode", "transport", "mechanism")
