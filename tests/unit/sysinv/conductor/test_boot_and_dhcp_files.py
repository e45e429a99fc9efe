# SPDX-License-Identifier: Apache-2.0
"""Boot files and dnsmasq's files, rendered and read."""
from __future__ import annotations

import datetime
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock import tls
from flock.conf import shared
from flock.core.errors import InvalidInput
from sysinv.conductor.dhcp import (
    DnsmasqPaths,
    Lease,
    parse_hosts,
    parse_leases,
    render_addn_hosts,
    render_conf,
    render_hosts,
    render_rules,
)
from sysinv.conductor.dnsmasq import BootFiles
from sysinv.conductor.pxe import BootFile, boot_file_name, render_default, render_host, template_name
from sysinv.installer.cmdline import parse_cmdline
from sysinv.model.addressing import PoolView

UUID = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"
BOOT = BootFile(
    host_uuid=UUID, mgmt_mac="08:00:27:be:6e:25", personality="worker", subfunctions="worker",
    boot_device="/dev/sda", rootfs_device="/dev/sdb", hw_settle="0", install_output="text", console="ttyS0,115200",
    tboot="", token="t0ken", software_version="1.0", api_port=6385)
POOL = PoolView(1, "u", "pxeboot", "169.254.202.0", 24, "random", (("169.254.202.10", "169.254.202.250"),),
                "169.254.202.1", "169.254.202.2", "169.254.202.3")
PATHS = DnsmasqPaths(str(shared.DNSMASQ), str(shared.BOOT_FILES), "/opt/lease-update")


def append_line(text: str) -> str:
    return next(line.strip().removeprefix("APPEND ") for line in text.splitlines() if "APPEND" in line)


def test_a_boot_file_says_what_the_installer_reads() -> None:
    parameters = parse_cmdline(append_line(render_host(BOOT)))
    assert (parameters.role, parameters.rootfs_device, parameters.console) == ("worker", "/dev/sdb", "ttyS0,115200")
    assert parameters.progress_url == f"http://pxecontroller:6385/v1/ihosts/{UUID}/install_progress"
    assert parameters.config_url == f"http://pxecontroller:6385/v1/ihosts/{UUID}/install_config"
    assert parameters.install_token == "t0ken"
    assert boot_file_name(BOOT.mgmt_mac) == "01-08-00-27-be-6e-25"
    assert parse_cmdline(append_line(render_default())).wait


def test_a_boot_file_with_tls_fits_a_kernel_command_line() -> None:
    word = tls.as_word(tls.Authority.create("x" * 64, datetime.datetime.now(datetime.UTC)).certificate_pem)
    line = append_line(render_host(replace(BOOT, authority=word, token="t" * 43)))
    parameters = parse_cmdline(line)
    assert parameters.config_url == f"https://pxecontroller:6385/v1/ihosts/{UUID}/install_config"
    assert parameters.authority == tls.from_word(word)
    assert len(line) < 2048


def test_only_the_boot_server_reads_a_boot_file(tmp_path: Path) -> None:
    files = BootFiles(tmp_path, os.geteuid())
    files.write(BOOT)
    assert (tmp_path / "pxelinux.cfg" / boot_file_name(BOOT.mgmt_mac)).stat().st_mode & 0o777 == 0o400
    if os.geteuid() == 0:
        BootFiles(tmp_path, 65534).write(BOOT)
        assert (tmp_path / "pxelinux.cfg" / boot_file_name(BOOT.mgmt_mac)).stat().st_uid == 65534


def test_empty_parameters_leave_no_argument() -> None:
    line = append_line(render_host(replace(BOOT, console="", hw_settle="5", tboot="true")))
    assert "console=" not in line and "flock.hw_settle=5" in line and "tboot=true" in line


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_value_breaks_out_of_its_line(console: str) -> None:
    try:
        text = render_host(replace(BOOT, console=console))
    except InvalidInput as error:
        assert error.params["field"] == "console"
        return
    assert len(text.splitlines()) == len(render_host(BOOT).splitlines())
    assert append_line(text).split().count("flock.role=worker") == 1


@pytest.mark.parametrize(("personality", "subfunctions", "name"), [
    ("controller", "controller,worker", "pxe-smallsystem-install-1.0"),
    ("controller", "controller", "pxe-controller-install-1.0"),
    ("worker", "worker,lowlatency", "pxe-worker_lowlatency-install-1.0"),
    ("storage", "storage", "pxe-storage-install-1.0"),
    ("edgeworker", "worker", "pxe-worker-install-1.0")])
def test_installations_by_role(personality: str, subfunctions: str, name: str) -> None:
    assert template_name(personality, subfunctions, "1.0") == name


def test_dnsmasq_serves_the_pxeboot_network_only() -> None:
    lines = render_conf(PATHS, POOL, "pxeboot0", "mgmt0").splitlines()
    assert "no-dhcp-interface=mgmt0" in lines and "except-interface=lo" in lines
    assert "dhcp-range=tag:known,set:pxeboot,169.254.202.10,169.254.202.130,255.255.255.0,1d" in lines
    assert "dhcp-range=tag:!known,set:pxeboot,169.254.202.131,169.254.202.250,255.255.255.0,10m" in lines
    assert "dhcp-boot=tag:pxeboot,pxelinux.0,pxecontroller,169.254.202.1" in lines
    assert "dhcp-script=/opt/lease-update" in lines and "dhcp-ignore-clid" in lines
    assert not any(line.startswith("user=") for line in lines)
    assert "user=dnsmasq" in render_conf(replace(PATHS, user="dnsmasq"), POOL, "pxeboot0", "mgmt0").splitlines()


def test_the_unit_loads_the_rules_that_protect_addresses() -> None:
    unit = (Path(__file__).resolve().parents[4] / "etc/systemd/flock-dnsmasq.service").read_text()
    assert f"nft -f {PATHS.rules}\n" in unit and f"--conf-file={PATHS.conf}\n" in unit
    assert 'iifname != "pxeboot0" accept' in render_rules("pxeboot0")


def test_controllers_have_fixed_addresses_and_leases_are_kept() -> None:
    leases = [Lease(5, "08:00:27:00:00:09", "169.254.202.77"),
              Lease(9, "08:00:27:00:00:09", "169.254.202.78"),
              Lease(5, "08:00:27:00:00:01", "169.254.202.79"), Lease(5, "08:00:27:00:00:08", "10.0.0.1"),
              Lease(5, "08:00:27:00:00:07", "169.254.202.2")]
    text = render_hosts(POOL, [("08:00:27:00:00:01", "controller-0")], leases,
                        ["08:00:27:00:00:01", "08:00:27:00:00:09", "08:00:27:00:00:0a"])
    assert text.splitlines() == [
        "pxecontroller,169.254.202.1", "08:00:27:00:00:01,pxeboot-0,169.254.202.2,1d",
        "08:00:27:00:00:09,169.254.202.78,1d", "08:00:27:00:00:0a,1d"]


def test_a_host_keeps_its_address_without_a_lease() -> None:
    """A lease ends, also by a message that somebody sends in the host's name; or the host gets another one."""
    first = render_hosts(POOL, [], [Lease(5, "08:00:27:00:00:09", "169.254.202.77")], ["08:00:27:00:00:09"])
    assert "08:00:27:00:00:09,169.254.202.77,1d" in first.splitlines()
    for leases in ([], [Lease(9, "08:00:27:00:00:09", "169.254.202.120")],
                   [Lease(9, "08:00:27:00:00:08", "169.254.202.77")]):
        again = render_hosts(POOL, [], leases, ["08:00:27:00:00:08", "08:00:27:00:00:09"], parse_hosts(first))
        assert "08:00:27:00:00:09,169.254.202.77,1d" in again.splitlines() and again.count("169.254.202.77") == 1
        assert "08:00:27:00:00:08,1d" in again.splitlines()
    assert "169.254.202.77" not in render_hosts(POOL, [], [], [], parse_hosts(first)), "no longer confirmed"
    for foreign in ({"08:00:27:00:00:09": "10.0.0.1"}, {"08:00:27:00:00:09": "169.254.202.2"}):
        assert "08:00:27:00:00:09,1d" in render_hosts(POOL, [], [], ["08:00:27:00:00:09"], foreign).splitlines()


@given(st.text(max_size=200))
def test_host_files_are_read_whatever_is_in_them(text: str) -> None:
    assert parse_hosts(f"08:00:27:00:00:09,169.254.202.77,1d\n{text}\npxecontroller,169.254.202.1\n"
                       "08:00:27:00:00:01,pxeboot-0,169.254.202.2,1d\n08:00:27:00:00:0a,1d\n"
                       )["08:00:27:00:00:09"] == "169.254.202.77"


def test_names_of_the_cloud() -> None:
    text = render_addn_hosts("169.254.202.1", "192.168.204.1", [("worker-0", "192.168.204.21")])
    assert text.splitlines() == [
        "169.254.202.1 pxecontroller",
        "192.168.204.1 controller.internal controller registry.local controller-platform-nfs",
        "192.168.204.21 worker-0.internal worker-0"]


def test_lease_files_are_read_whatever_is_in_them() -> None:
    text = ("1795265579 8e:be:a9:87:80:c3 169.254.202.83 * 01:8e:be:a9:87:80:c3\n"
            "duid 00:01:00:01\n0 nonsense 1.2.3.4 *\n12 8e:be:a9:87:80:c4 nowhere * *\n\n"
            "0 00:01:00:01:08:00:27:be:6e:25 169.254.202.84 host *\n")
    assert parse_leases(text) == [
        Lease(1795265579, "8e:be:a9:87:80:c3", "169.254.202.83"),
        Lease(0, "08:00:27:be:6e:25", "169.254.202.84")]


@given(st.text(max_size=200))
def test_no_lease_file_stops_us(text: str) -> None:
    parse_leases(text)
