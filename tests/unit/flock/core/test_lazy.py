# SPDX-License-Identifier: Apache-2.0
"""Packages that load their names at first use: each name is there, and nothing is loaded before."""
from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from flock.core.lazy import names_of


@pytest.mark.parametrize(("package", "library"), [("flock.tls", "cryptography"), ("flock.rpc", "oslo_messaging")])
def test_nothing_is_loaded_before_it_is_used(package: str, library: str) -> None:
    code = f"import sys, {package}; print([name for name in sys.modules if name.startswith({library!r})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["flock.tls", "flock.rpc"])
def test_every_name_is_there_and_no_module_hides_it(package: str) -> None:
    found = importlib.import_module(package)
    for name in found.__all__:
        assert getattr(found, name).__name__ == name


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="module 'flock.tls' has no attribute 'x'"):
        names_of("flock.tls", {})("x")
