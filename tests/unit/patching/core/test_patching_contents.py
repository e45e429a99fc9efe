# SPDX-License-Identifier: Apache-2.0
"""Which content belongs to a version, and how a host's differs."""
from __future__ import annotations

import pytest

from patching.contract.records import Content
from patching.contract.states import ReleaseState as R
from patching.contract.version import Version
from patching.core.contents import SHOWN_MAX, difference, of_version
from tests.unit.patching.core.systems import a_release

ONE = Content("starlingx-10.0.1", "10.0.1", "p", "1" * 64, "fake")
TWO = Content("starlingx-10.0.2", "10.0.2", "p", "2" * 64, "fake")


def test_a_version_has_the_content_of_what_is_present_up_to_it() -> None:
    releases = {one.id: one for one in (
        a_release("10.0.2", R.DEPLOYING), a_release("10.0.1", R.COMMITTED), a_release("10.0.0", R.DEPLOYED),
        a_release("10.0.3", R.AVAILABLE), a_release("9.0.1", R.DEPLOYED))}
    contents = {name: Content(name, "", name, "0" * 64, "fake") for name in releases if name != "starlingx-10.0.0"}

    def ids(version: str) -> list[str]:
        return [one.release_id for one in of_version(releases, contents, Version.parse(version))]

    assert ids("10.0.3") == ids("10.0.2") == ["starlingx-10.0.1", "starlingx-10.0.2"]
    assert ids("10.0.1") == ["starlingx-10.0.1"] and ids("10.0.0") == []


@pytest.mark.parametrize(("digests", "expected"), [
    ({ONE.release_id: ONE.digest, TWO.release_id: TWO.digest}, ""),
    ({ONE.release_id: ONE.digest}, "starlingx-10.0.2 is missing"),
    ({ONE.release_id: "x" * 64, TWO.release_id: TWO.digest},
     "starlingx-10.0.1 has the digest xxxxxxxxxxxx instead of 111111111111"),
    ({ONE.release_id: ONE.digest, TWO.release_id: TWO.digest, "mine": "3"}, "mine does not belong to it")])
def test_how_a_host_differs(digests: dict[str, str], expected: str) -> None:
    assert difference([ONE, TWO], digests) == expected


def test_a_host_with_endless_content_is_told_in_one_line() -> None:
    text = difference([], {f"{number:03}" * 1000: "" for number in range(100)})
    assert text.endswith(f", and {100 - SHOWN_MAX} more") and len(text) < 1000
