# SPDX-License-Identifier: Apache-2.0
"""Real snmpd and snmptrapd, unprivileged on private ports, shared by the tests of a file."""
from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.fm_snmp import netsnmp
from tests.functional.fm_snmp.netsnmp import Snmpd, Snmptrapd


def folder(parent: Path, name: str) -> Path:
    if not netsnmp.available():
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("net-snmp is not installed")
        pytest.skip("net-snmp is not installed")
    found = parent / f"{name}-{uuid.uuid4().hex[:6]}"
    found.mkdir()
    return found


@pytest.fixture(scope="module")
def snmpd(services_folder: Path) -> Iterator[Snmpd]:
    """A master agent, not started."""
    found = Snmpd(folder(services_folder, "snmpd"))
    yield found
    found.stop()


@pytest.fixture
def snmptrapd(services_folder: Path) -> Iterator[Snmptrapd]:
    """A receiver of notifications, not started."""
    found = Snmptrapd(folder(services_folder, "snmptrapd"))
    yield found
    found.stop()
