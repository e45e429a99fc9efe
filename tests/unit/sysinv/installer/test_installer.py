# SPDX-License-Identifier: Apache-2.0
"""The installer: its command line, its plan, its writes, and what it reports."""
from __future__ import annotations

import datetime
import http.server
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock import tls
from flock.core.errors import Forbidden, InvalidInput, Unavailable
from sysinv.installer.call import Controller
from sysinv.installer.cmdline import InstallParameters, parse_cmdline
from sysinv.installer.files import Target
from sysinv.installer.install import install
from sysinv.installer.plan import MakeLink, WriteFile, install_plan, open_bundle, parse_bundle, wanted_by
from sysinv.model.hostfiles import bundle_purpose

UUID = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"
LINE = (f"boot_device=/dev/sda rootfs_device=/dev/sda console=ttyS0,115200 flock.role=worker quiet "
        f"flock.host_uuid={UUID} flock.progress_url=http://pxecontroller:6385/v1/ihosts/{UUID}/install_progress "
        f"flock.config_url=http://pxecontroller:6385/v1/ihosts/{UUID}/install_config flock.install_token=abc")
UNIT = "[Service]\nExecStart=/bin/true\nWantedBy=evil.target\n[Install]\nWantedBy=multi-user.target\n"
BUNDLE: dict[str, Any] = {
    "hostname": "worker-0", "personality": "worker", "units": ["flock-mtce-agent"],
    "files": [{"path": "/etc/hosts", "mode": "0644", "content": "127.0.0.1 localhost\n"},
              {"path": "/etc/flock/flock.conf", "mode": "0600", "content": "[DEFAULT]\n"}]}


def test_the_command_line_names_the_controller_by_address() -> None:
    parameters = parse_cmdline(LINE, "169.254.202.1")
    assert parameters.config_url == f"http://169.254.202.1:6385/v1/ihosts/{UUID}/install_config"
    assert parse_cmdline(LINE, "fd00::1").config_url.startswith("http://[fd00::1]:6385/")
    assert parse_cmdline("flock.wait=1").wait


@pytest.mark.parametrize(("old", "new", "field"), [
    (f"flock.host_uuid={UUID}", "flock.host_uuid=../x", "flock.host_uuid"),
    ("flock.install_token=abc", "", "flock.install_token"),
    ("flock.role=worker", "", "flock.role"), ("rootfs_device=/dev/sda", "rootfs_device=/dev/../etc", "rootfs_device"),
    ("flock.config_url=http", "flock.config_url=file", "flock.config_url")])
def test_a_bad_command_line_is_named(old: str, new: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_cmdline(LINE.replace(old, new))
    assert caught.value.params["field"] == field


def test_tls_needs_the_authority_that_proves_the_controller() -> None:
    line = LINE.replace("_url=http:", "_url=https:")
    for missing in (line, f"{line} flock.ca=", f"{line} flock.ca=AAAA", f"{line} flock.ca=!"):
        with pytest.raises(InvalidInput) as caught:
            parse_cmdline(missing)
        assert caught.value.params["field"] == "flock.ca"
    word = tls.as_word(tls.Authority.create("flock", datetime.datetime.now(datetime.UTC)).certificate_pem)
    assert parse_cmdline(f"{line} flock.ca={word}").authority == tls.from_word(word)


def test_a_bundle_for_another_host_or_key_or_in_clear_text_is_refused() -> None:
    key = tls.new_key()
    public = tls.request_key(tls.new_request(key, UUID))
    data = json.dumps(BUNDLE).encode()
    assert open_bundle({"sealed": tls.seal_for(public, data, bundle_purpose(UUID))}, key, UUID).hostname == "worker-0"
    other = UUID.replace("c", "d")
    for sealed, mine in ((tls.seal_for(public, data, bundle_purpose(other)), key),
                         (tls.seal_for(public, data, bundle_purpose(UUID)), tls.new_key())):
        with pytest.raises(tls.SealBroken):
            open_bundle({"sealed": sealed}, mine, UUID)
    with pytest.raises(InvalidInput):
        open_bundle(BUNDLE, key, UUID)


def test_the_plan_enables_units_where_they_want_to_be() -> None:
    steps = install_plan(parse_bundle(BUNDLE), {"flock-mtce-agent.service": UNIT}, {"disk_test": "#!/bin/sh\n"})
    paths = [step.path for step in steps]
    assert "/etc/hostname" in paths and "/etc/goenabled.d/disk_test" in paths
    assert MakeLink("/etc/systemd/system/multi-user.target.wants/flock-mtce-agent.service",
                    "/etc/systemd/system/flock-mtce-agent.service") in steps
    assert wanted_by(UNIT) == ["multi-user.target"]
    with pytest.raises(InvalidInput, match="flock-mtce-agent.service is not shipped"):
        install_plan(parse_bundle(BUNDLE), {}, {})


@pytest.mark.parametrize("change", [
    {"files": "x"}, {"files": [{"path": "/a", "mode": "4755", "content": ""}]}, {"units": ["../../etc/passwd"]},
    {"files": [{"path": "/a\0", "mode": "0644", "content": ""}]}, {"hostname": ""}, {"units": None},
    {"files": [{"path": "/a", "mode": "rw", "content": ""}]}, {"files": [{"path": "/a", "mode": 420, "content": 5}]}])
def test_a_bundle_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_bundle(BUNDLE | change)


@pytest.mark.parametrize("path", ["etc/hosts", "/../etc/hosts", "/etc/../../x", "/", "/etc//hosts", "", "/etc/."])
def test_no_path_leaves_the_target_by_name(tmp_path: Path, path: str) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(InvalidInput):
        Target(tmp_path / "target").apply(WriteFile(path, 0o644, "x"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]


def test_no_path_leaves_the_target_by_link(tmp_path: Path) -> None:
    target, outside = tmp_path / "target", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (target / "etc").symlink_to(outside)
    with pytest.raises(InvalidInput):
        Target(target).apply(WriteFile("/etc/hosts", 0o644, "x"))
    assert list(outside.iterdir()) == []


def test_files_get_their_mode_and_replace_links(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").symlink_to("/run/other")
    Target(tmp_path).apply(WriteFile("/etc/resolv.conf", 0o600, "nameserver 1.2.3.4\n"))
    written = tmp_path / "etc/resolv.conf"
    assert not written.is_symlink() and stat.S_IMODE(written.stat().st_mode) == 0o600
    Target(tmp_path).apply(MakeLink("/etc/a/b", "/etc/c"))
    assert os.readlink(tmp_path / "etc/a/b") == "/etc/c"


class Told:
    """A controller that keeps what it is told."""

    def __init__(self, bundle: Any) -> None:
        self.bundle = bundle
        self.states: list[tuple[str, str | None]] = []
        self.asked_with = ""

    def progress(self, state: str, info: str | None = None) -> bool:
        self.states.append((state, info))
        return True

    def configuration(self, request_pem: str, deadline_s: float) -> object:
        if isinstance(self.bundle, Exception):
            raise self.bundle
        key = tls.request_key(request_pem)
        self.asked_with = tls.public_fingerprint(key)
        return {"sealed": tls.seal_for(key, json.dumps(self.bundle).encode(), bundle_purpose(UUID))}


def share(tmp_path: Path) -> Path:
    (tmp_path / "share/systemd").mkdir(parents=True)
    (tmp_path / "share/systemd/flock-mtce-agent.service").write_text(UNIT)
    (tmp_path / "target").mkdir()
    return tmp_path / "share"


def test_an_installation_writes_everything_and_reports_each_stage(tmp_path: Path) -> None:
    told = Told(BUNDLE)
    assert install(parse_cmdline(LINE), told, tmp_path / "target", share(tmp_path), lambda _line: None)
    assert [state for state, _ in told.states][:2] == ["preinstall", "installing"]
    assert told.states[-1][0] == "installed" and ("installing", "7/7") in told.states
    assert (tmp_path / "target/etc/hostname").read_text() == "worker-0\n"
    key = tmp_path / "target/etc/flock/tls/host.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert tls.public_fingerprint(tls.request_key(tls.new_request(key.read_bytes(), "x"))) == told.asked_with
    assert (tmp_path / "target/etc/machine-id").read_text() == "uninitialized\n"
    assert (tmp_path / "target/etc/systemd/system/multi-user.target.wants/flock-mtce-agent.service").is_symlink()


def test_a_host_is_of_the_release_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "7.3.1")
    facts = {"path": "/etc/platform/platform.conf", "mode": "0644",
             "content": "nodetype=worker\nsw_version=8.0\nUUID=x\n"}
    told = Told(BUNDLE | {"files": [*BUNDLE["files"], facts]})
    assert install(parse_cmdline(LINE), told, tmp_path / "target", share(tmp_path), lambda _line: None)
    assert (tmp_path / "target/etc/platform/platform.conf").read_text() == "nodetype=worker\nsw_version=7.3\nUUID=x\n"


@pytest.mark.parametrize("bundle", [
    Forbidden(), BUNDLE | {"files": [{"path": "/../x", "mode": "0644", "content": ""}]}, {"hostname": "x"}])
def test_a_failed_installation_says_so(tmp_path: Path, bundle: Any) -> None:
    told = Told(bundle)
    assert not install(parse_cmdline(LINE), told, tmp_path / "target", share(tmp_path), lambda _line: None)
    assert told.states[-1][0] == "failed" and told.states[-1][1]


@pytest.fixture
def controller() -> Iterator[tuple[Controller, list[int], list[dict[str, Any]]]]:
    """A real HTTP server that answers with the statuses it is given, and the client under test."""
    statuses: list[int] = []
    seen: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append({"path": self.path, "token": self.headers.get("X-Install-Token"), **json.loads(body)})
            self.answer()

        def answer(self) -> None:
            self.send_response(statuses.pop(0) if statuses else 200)
            self.end_headers()
            self.wfile.write(json.dumps(BUNDLE).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    parameters = InstallParameters(False, "worker", UUID, f"{base}/progress", f"{base}/config", "abc")
    yield Controller(parameters, timeout_s=5, sleep=sleep, now=lambda: clock[0]), statuses, seen
    server.shutdown()
    server.server_close()


def test_the_configuration_is_asked_for_until_it_comes(controller: Any) -> None:
    client, statuses, seen = controller
    statuses += [503, 500]
    assert client.configuration("request", 60)["hostname"] == "worker-0"
    assert len(seen) == 3 and {(one["token"], one["csr"]) for one in seen} == {("abc", "request")}


def test_a_rejected_token_is_not_tried_again(controller: Any) -> None:
    client, statuses, seen = controller
    statuses += [403]
    with pytest.raises(Forbidden):
        client.configuration("request", 60)
    assert len(seen) == 1


def test_waiting_for_the_controller_ends(controller: Any) -> None:
    client, statuses, _ = controller
    statuses += [503] * 100
    with pytest.raises(Unavailable):
        client.configuration("request", 60)


def test_progress_never_stops_an_installation(controller: Any) -> None:
    client, statuses, seen = controller
    assert client.progress("installing", "1/9")
    statuses += [500]
    assert not client.progress("installing", "2/9")
    assert seen[0]["install_state"] == "installing" and seen[0]["install_state_info"] == "1/9"
