# SPDX-License-Identifier: Apache-2.0
"""Scenario 15: the conductor dies while the scripts of the start run."""
from __future__ import annotations

from pathlib import Path

from tests.functional.patching.running import Cloud


def holding(folder: Path) -> str:
    """A script that says that it runs, and waits until it is let go."""
    return (f'echo "$@" >> {folder}/ran\n'
            f'touch {folder}/running\nwhile [ ! -e {folder}/go ]; do sleep 0.1; done')


def test_case_15_a_start_that_was_interrupted_has_failed_and_may_begin_anew(cloud: Cloud) -> None:
    hook = cloud.folder / "pre-start.sh"
    hook.write_text(f"#!/bin/sh\n{holding(cloud.folder)}\n")
    hook.chmod(0o755)
    cloud.upload(cloud.patch("10.0.1", hooks={"pre_start": "pre-start.sh"}, hook_files={"pre_start": hook}))
    cloud.done("POST", "/v1/deploy/starlingx-10.0.1/start")
    cloud.wait(lambda: (cloud.folder / "running").exists(), "the hook to run")
    assert cloud.state() == "start"
    assert cloud.conductor is not None
    cloud.conductor.kill()
    cloud.start_conductor()
    cloud.reaches("start-failed")
    (deploy,) = cloud.get("/v1/deploy")
    assert "The conductor was restarted while the scripts ran" in deploy["error"]
    cloud.done("DELETE", "/v1/deploy")
    assert cloud.releases()["starlingx-10.0.1"] == "available"
    (cloud.folder / "go").touch()
    cloud.start_release("10.0.1")
    assert (cloud.folder / "ran").read_text().splitlines() == ["--operation=apply"] * 2
