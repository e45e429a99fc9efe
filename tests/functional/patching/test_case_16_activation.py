# SPDX-License-Identifier: Apache-2.0
"""Scenarios 16 and 18: activation scripts fail, run again, and are taken back in reverse order."""
from __future__ import annotations

from tests.functional.patching.running import Cloud


def test_case_16_a_failed_activation_is_repeated(cloud: Cloud) -> None:
    told = cloud.folder / "told"
    scripts = {"10-first": f'echo "first $@" >> {told}',
               "20-second": f'echo "second $@" >> {told}; [ -e {cloud.folder}/mended ] || '
                            "{ echo it is broken >&2; exit 3; }"}
    cloud.upload(cloud.patch("10.0.1", scripts=scripts))
    cloud.start_release("10.0.1")
    cloud.deploy_host("controller-0")
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-failed")
    (deploy,) = cloud.get("/v1/deploy")
    assert deploy["error"] == "20-second of starlingx-10.0.1: it ended with status 3: it is broken"
    refused = cloud.call("POST", "/v1/deploy/complete", {}).json()
    assert refused["allowed_states"] == ["activate-done"]
    assert "deploy complete is not possible in deploy state activate-failed" in refused["error"]
    (cloud.folder / "mended").touch()
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-done")
    assert told.read_text().splitlines() == [f"{name} 10.0.0 10.0.1 activate" for name in ("first", "second")] * 2
    cloud.done("POST", "/v1/deploy/complete", {})
    assert cloud.state() == "completed"
    cloud.done("DELETE", "/v1/deploy")
    assert cloud.releases()["starlingx-10.0.1"] == "deployed" and cloud.state() is None


def test_case_18_an_activation_is_taken_back_in_reverse_order(cloud: Cloud) -> None:
    told, value = cloud.folder / "told", cloud.folder / "value"
    value.write_text("old\n")
    scripts = {name: f'echo "{name} $@" >> {told}\n'
                     f'[ "$3" = activate ] && echo new > {value} || echo old > {value}' for name in ("10-a", "20-b")}
    cloud.upload(cloud.patch("10.0.1", scripts=scripts))
    cloud.start_release("10.0.1")
    cloud.deploy_host("controller-0")
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-done")
    assert value.read_text() == "new\n"
    cloud.done("POST", "/v1/deploy/abort", {})
    assert cloud.state() == "activate-rollback-pending"
    cloud.done("POST", "/v1/deploy/activate_rollback", {})
    cloud.reaches("activate-rollback-done")
    assert value.read_text() == "old\n"
    assert told.read_text().splitlines() == [
        "10-a 10.0.0 10.0.1 activate", "20-b 10.0.0 10.0.1 activate",
        "20-b 10.0.1 10.0.0 activate-rollback", "10-a 10.0.1 10.0.0 activate-rollback"]
    cloud.deploy_host("controller-0", back=True)
    cloud.reaches("host-rollback-done")
    cloud.done("DELETE", "/v1/deploy")
    assert cloud.releases()["starlingx-10.0.1"] == "available"


def test_case_16_scripts_also_end_the_deployment(cloud: Cloud) -> None:
    told = cloud.folder / "told"
    cloud.upload(cloud.patch("10.0.1", scripts={"10-first": f'echo "$@" >> {told}'}))
    cloud.start_release("10.0.1")
    cloud.deploy_host("controller-0")
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.reaches("activate-done")
    cloud.done("POST", "/v1/deploy/complete", {})
    cloud.done("DELETE", "/v1/deploy")
    cloud.wait(lambda: told.read_text().splitlines() == ["10.0.0 10.0.1 activate", "10.0.0 10.0.1 delete"],
               "the script to end it")


def test_case_16_an_abort_ends_scripts_that_run(cloud: Cloud) -> None:
    scripts = {"10-slow": f'[ "$3" = activate ] || exit 0\ntouch {cloud.folder}/running; sleep 300; '
                          f"touch {cloud.folder}/finished"}
    cloud.upload(cloud.patch("10.0.1", scripts=scripts))
    cloud.start_release("10.0.1")
    cloud.deploy_host("controller-0")
    cloud.done("POST", "/v1/deploy/activate", {})
    cloud.wait(lambda: (cloud.folder / "running").exists(), "the script to run")
    cloud.done("POST", "/v1/deploy/abort", {})
    cloud.done("POST", "/v1/deploy/activate_rollback", {})
    cloud.reaches("activate-rollback-done")
    assert not (cloud.folder / "finished").exists()
