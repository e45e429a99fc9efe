# SPDX-License-Identifier: Apache-2.0
"""``labels``: one Kubernetes label of a host."""
from __future__ import annotations

from flock.wire.resource import ADMIN, SYSTEM, Record, attr


class Label(Record):
    """One label of a host."""

    envelope = "labels"
    host_uuid = attr(str, writer=SYSTEM, nullable=False)
    label_key = attr(str, writer=ADMIN, label="label key", nullable=False)
    label_value = attr(str, writer=ADMIN, label="label value", nullable=False)
