# SPDX-License-Identifier: Apache-2.0
"""A bare machine meets the real dnsmasq: lease, boot file by TFTP, names, and the installer's whole run."""
from __future__ import annotations

import datetime
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flock import tls
from flock.exec import Completed, run
from flock.testing.services.process import Process, free_port, port_open

ROOT = Path(__file__).resolve().parents[3]
MAC = "08:00:27:d0:00:01"
TOOLS = ("dnsmasq", "udhcpc", "busybox", "ip", "nginx")

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0 or any(shutil.which(tool) is None for tool in TOOLS),
                       reason="needs root, dnsmasq, udhcpc, busybox and nginx")]

Inside = Callable[..., Completed]


@pytest.fixture
def inside() -> Iterator[Inside]:
    """Runs programs in a network namespace that holds both ends of a pxeboot and a management network."""
    name = f"sysinv-test-{os.getpid()}"
    run(["ip", "netns", "add", name], timeout_s=10)

    def execute(*argv: str, timeout_s: float = 30, check: bool = True) -> Completed:
        return run(["ip", "netns", "exec", name, *argv], timeout_s=timeout_s, check=check)

    try:
        for near, far in (("pxeboot0", "machine0"), ("mgmt0", "machine1")):
            execute("ip", "link", "add", near, "type", "veth", "peer", "name", far)
        execute("ip", "link", "set", "machine0", "address", MAC)
        execute("ip", "address", "add", "169.254.202.1/24", "dev", "pxeboot0")
        execute("ip", "address", "add", "192.168.204.1/24", "dev", "mgmt0")
        for link in ("lo", "pxeboot0", "machine0", "mgmt0", "machine1"):
            execute("ip", "link", "set", link, "up")
        execute.name = name  # type: ignore[attr-defined]
        yield execute
    finally:
        run(["ip", "netns", "del", name], timeout_s=10, check=False)


@pytest.fixture
def dnsmasq(sysinv: Any, inside: Any) -> Iterator[Process]:
    """dnsmasq as its unit runs it, on the files the conductor wrote."""
    for folder in (sysinv.folder, *sysinv.folder.parents):
        if folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    argv = ["ip", "netns", "exec", inside.name, "dnsmasq", "--keep-in-foreground",
            f"--conf-file={sysinv.folder}/dnsmasq/dnsmasq.conf"]
    process = Process("dnsmasq", argv, sysinv.folder, env={"FLOCK_CONF_DIR": str(sysinv.conf_dir)})
    try:
        process.wait_until((sysinv.folder / "dnsmasq" / "dnsmasq.pid").exists, 10, "dnsmasq to run")
        yield process
    finally:
        process.stop()


NGINX = """
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/front.crt;
        ssl_certificate_key {folder}/front.key;
        location / {{ proxy_pass {api}; }}
    }}
}}
"""


@pytest.fixture
def tls_port(sysinv: Any, tmp_path: Path) -> Iterator[int]:
    """A port where the API speaks TLS with a certificate of the system's authority."""
    folder, port, directory = tmp_path / "front", free_port(), sysinv.folder / "tls"
    folder.mkdir()
    authority = tls.Authority((directory / "ca.crt").read_bytes(), (directory / "ca.key").read_bytes())
    key = tls.new_key()
    certificate = authority.issue(tls.new_request(key, "front"), tls.Usage.SERVER, "front", ["127.0.0.1"],
                                  datetime.datetime.now(datetime.UTC))
    (folder / "front.crt").write_bytes(certificate)
    (folder / "front.key").write_bytes(key)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, api=sysinv.base))
    server = Process("nginx", ["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], folder)
    try:
        server.wait_until(lambda: port_open(port), 10, "nginx to listen")
        yield port
    finally:
        server.kill()


def test_a_bare_machine_becomes_an_installed_worker(sysinv: Any, inside: Any, dnsmasq: Process, tls_port: int,
                                                    tmp_path: Path) -> None:
    lease = inside("udhcpc", "-i", "machine0", "-n", "-q", "-f", "-s", "/bin/true", "-t", "5")
    assert "obtained from 169.254.202.1" in lease.err + lease.out
    uuid = sysinv.discovered(MAC)
    waiting = inside("busybox", "tftp", "-g", "-l", "-", "-r", "pxelinux.cfg/default", "169.254.202.1").out
    assert "flock.wait=1" in waiting
    answer = sysinv.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="compute-9")
    assert answer.status == 200, answer.text
    sysinv.wait(sysinv.boot_file(MAC).exists, "boot file")
    name = f"pxelinux.cfg/01-{MAC.replace(':', '-')}"
    text = inside("busybox", "tftp", "-g", "-l", "-", "-r", name, "169.254.202.1").out
    line = next(line.strip().removeprefix("APPEND ") for line in text.splitlines() if "APPEND" in line)
    line = line.replace(f":{sysinv.port}/", f":{tls_port}/")

    def resolved() -> bool:
        found = inside("busybox", "nslookup", "compute-9.internal", "192.168.204.1", check=False)
        return answer.body["mgmt_ip"] in found.out

    sysinv.wait(resolved, "the name of the new host")
    hosts = (sysinv.folder / "dnsmasq" / "dnsmasq.hosts")
    sysinv.wait(lambda: MAC in hosts.read_text(), "the lease to be kept")
    target = tmp_path / "disk"
    target.mkdir()
    command = [str(Path(sys.prefix) / "bin" / "flock-install"), "--cmdline", line, "--pxecontroller", "127.0.0.1",
               "--target", str(target), "--share", str(ROOT / "etc")]
    assert run(command, timeout_s=60).rc == 0
    assert (target / "etc/hostname").read_text() == "compute-9\n"
    assert (target / "etc/systemd/system/multi-user.target.wants/flock-mtce-agent.service").is_symlink()
    assert answer.body["mgmt_ip"] in (target / "etc/systemd/network/10-flock-mgmt.network").read_text()
    assert sysinv.host("compute-9")["install_state"] == "booting"
    again = run(command, timeout_s=60, check=False)
    assert again.rc == 1 and "not authorized" in again.out
