# SPDX-License-Identifier: Apache-2.0
"""``kernel``: which kernel a host should run, and which it runs."""
from __future__ import annotations

from flock.wire.resource import ADMIN, AGENT, SYSTEM, Resource, attr
from sysinv.contract.enums import KernelType


class Kernel(Resource):
    """The kernel of one host; ``kernel_running`` is null until the host's agent has reported."""

    ihost_uuid = attr(str, writer=SYSTEM, nullable=False)
    hostname = attr(str, writer=SYSTEM)
    kernel_provisioned = attr(KernelType, writer=ADMIN, nullable=False)
    kernel_running = attr(str, writer=AGENT)
