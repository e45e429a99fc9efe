# SPDX-License-Identifier: Apache-2.0
"""The parts of resources are found in their directories."""
from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from flock.api.openapi.__main__ import main
from flock.core import slices


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("scannednouns", "scannednouns/pear", "scannednouns/apple", "scannednouns/fig"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "scannednouns/pear/juice.py").write_text("NAME = 'pear'\n")
    (tmp_path / "scannednouns/apple/juice.py").write_text("NAME = 'apple'\n")
    (tmp_path / "scannednouns/fig/other.py").write_text("raise AssertionError('nobody asked for this part')\n")
    (tmp_path / "scannednouns/juice.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return "scannednouns"


def test_parts_are_found_by_name_and_nothing_else_is_loaded(package: str) -> None:
    assert slices.names(package, "juice") == ["scannednouns.apple.juice", "scannednouns.pear.juice"]
    assert [module.NAME for module in slices.modules(package, "juice")] == ["apple", "pear"]
    assert slices.modules(package, "table") == []


def test_subsystems_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def found(group: str) -> list[metadata.EntryPoint]:
        asked.append(group)
        return [metadata.EntryPoint(name, name, group) for name in ("sm", "fm", "fm")]

    monkeypatch.setattr(metadata, "entry_points", found)
    assert slices.subsystems() == ["fm", "sm"]
    assert asked == ["flock.subsystems"]


def test_a_document_of_what_is_no_subsystem_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nosuchthing"])
    assert "there is no subsystem nosuchthing" in capsys.readouterr().err
    main(["mtce"])
    assert '"openapi"' in capsys.readouterr().out
