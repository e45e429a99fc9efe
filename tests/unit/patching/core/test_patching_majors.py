# SPDX-License-Identifier: Apache-2.0
"""Which major releases may come onto a system."""
from __future__ import annotations

import pytest

from patching.contract.errors import SoftwareRefused
from patching.contract.states import ReleaseState as R
from patching.contract.version import Version
from patching.core import majors
from patching.core.model import Host, Release, View


def view(*versions: str, active: str = "controller-0", failed: str = "") -> View:
    releases = {f"starlingx-{text}": Release(f"starlingx-{text}", Version.parse(text), R.DEPLOYED)
                for text in ("10.0.0", "10.0.1", *versions)}
    if failed:
        releases["x"] = Release("x", Version.parse(failed), R.UPLOAD_FAILED)
    hosts = {name: Host(number, name, "controller") for number, name in enumerate(("controller-0", "controller-1"))}
    return View(Version.parse("10.0.1"), releases, hosts, active=active)


def admit(found: View, *supported: str, majors_max: int = 2) -> None:
    majors.admit(found, "starlingx-11.0.0", Version.parse("11.0.0"), supported, majors_max)


def test_a_release_that_can_be_reached_is_admitted() -> None:
    admit(view(), "9.0", "10.0")
    admit(view(), "010.00")
    admit(view("11.0.0"), "10.0", majors_max=2)
    admit(view(failed="9.0.0"), "10.0")


@pytest.mark.parametrize(("found", "supported", "words"), [
    (view(), ["9.0"], "no upgrade from the running 10.0 to starlingx-11.0.0; it can be reached from 9.0"),
    (view(), [], "can be reached from nowhere"),
    (view(active="controller-1"), ["10.0"], "uploaded while controller-0 is active; now controller-1 is"),
    (view("9.0.0"), ["10.0"], r"There are 2 major releases already \(9.0, 10.0\), and no more than 2 may be"),
])
def test_every_refusal_says_why(found: View, supported: list[str], words: str) -> None:
    with pytest.raises(SoftwareRefused, match=words):
        admit(found, *supported)
