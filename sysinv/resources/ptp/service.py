# SPDX-License-Identifier: Apache-2.0
"""Use cases of the system's PTP settings: read and change them."""
from __future__ import annotations

from sysinv.db.single import SingleService
from sysinv.resources.ptp.table import PTP


class PtpService(SingleService):
    """The PTP settings, which configure no host."""

    table = PTP
    noun = "PTP"


SERVICE = PtpService
