# SPDX-License-Identifier: Apache-2.0
import pytest

from patching.contract.version import Version, of_installation


@pytest.mark.parametrize(("told", "version"), [
    ("10.0", "10.0.0"), ("24.09", "24.09.0"), ("10.0.1", "10.0.1"), ("", ""), ("10", "10"), ("nightly", "nightly"),
    ("1.0\n", "1.0\n")])
def test_a_host_names_the_major_release_that_it_was_installed_with(told: str, version: str) -> None:
    assert of_installation(told) == version


def test_leading_zeros_are_kept_and_not_compared() -> None:
    assert Version.parse("24.09.1") == Version.parse("24.9.01") and Version.parse("24.09.1").text == "24.09.1"
