# SPDX-License-Identifier: Apache-2.0
"""Which trees are checkouts of this product, and what a package of it is made of."""
from __future__ import annotations

from pathlib import Path

import pytest

from flock.core.errors import InvalidInput
from patching.artifact import product
from patching.artifact.errors import ArtifactRefused
from patching.artifact.product import Checkout, make_package, release_parts
from patching.contract.version import Version

ROOT = Path(__file__).resolve().parents[4]
NAMED = "[metadata]\nname = stx-flock\n[files]\npackages =\n    flock\n"


@pytest.mark.parametrize("text", [None, "", "[metadata]\nname = other\n"])
def test_a_tree_of_something_else_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "setup.cfg").write_text(text)
    with pytest.raises(InvalidInput, match=f"must be a checkout of stx-flock, and {tmp_path} is none"):
        Checkout(tmp_path)


def test_a_package_is_made_of_what_setup_cfg_names_and_what_the_build_reads() -> None:
    parts = Checkout(ROOT).parts()
    assert {"flock", "fm", "mtce", "patching", "sm", "sysinv", "etc", "setup.cfg"} <= set(parts)
    assert all((ROOT / part).exists() for part in parts) and "tests" not in parts


def test_a_release_has_its_scripts_and_a_checkout_without_them_makes_none(tmp_path: Path) -> None:
    hooks, activation = release_parts(Checkout(ROOT))
    assert [path.name for path in (*hooks.values(), *activation)] == ["post-start.sh", "10-databases"]
    (tmp_path / "setup.cfg").write_text(NAMED)
    with pytest.raises(ArtifactRefused, match="has no etc/release/post-start.sh"):
        release_parts(Checkout(tmp_path))


def test_only_the_environment_that_hosts_have_makes_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "PREFIX", Path("/nowhere/venv"))
    with pytest.raises(InvalidInput, match="is built by the product's own environment /nowhere/venv"):
        make_package(Checkout(ROOT), Version.parse("10.0.1"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_build_lacks_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product.sys, "prefix", str(product.PREFIX))
    (source := tmp_path / "source").mkdir()
    (target := tmp_path / "target").mkdir()
    (source / "setup.cfg").write_text(NAMED)
    with pytest.raises(ArtifactRefused, match=f"{source} has no flock, which setup.cfg or the build needs"):
        make_package(Checkout(source), Version.parse("10.0.1"), target)
    assert list(target.iterdir()) == []
