# SPDX-License-Identifier: Apache-2.0
"""What ipmitool is asked and how its failures are told."""
import pytest

from flock.exec.process import Completed
from mtce.bmc.interfaces import Access, BmcError
from mtce.bmc.ipmi import IpmiSettings, reason_of
from mtce.bmc.kinds import BmcSettings, open_bmc

IANA = "IANA PEN registry open failed: No such file or directory\n"


@pytest.mark.parametrize(("err", "out", "reason"), [
    (IANA + "Error: Unable to establish IPMI v2 / RMCP+ session\n", "",
     "Error: Unable to establish IPMI v2 / RMCP+ session"),
    (IANA + "Error in open session response message : insufficient resources for session\n\n"
     "Error: Unable to establish IPMI v2 / RMCP+ session\n", "",
     "Error in open session response message : insufficient resources for session; "
     "Error: Unable to establish IPMI v2 / RMCP+ session"),
    ("Running Get PICMG Properties my_addr 0x20\n" + IANA,
     "Set Chassis Power Control to Reset failed: Insufficient privilege level\n",
     "Set Chassis Power Control to Reset failed: Insufficient privilege level"),
    (IANA, "", IANA.strip()),
    ("", "", "ipmitool ended with status 1 and no message"),
    ("x" * 1000, "", "x" * 200)])
def test_reason_is_what_the_bmc_said(err, out, reason):
    assert reason_of(Completed(1, out, err)) == reason


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """An ipmitool that notes its words and fails as the real one does on a machine without the IANA registry."""
    path = tmp_path / "ipmitool"
    path.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\nprintf "%s" "{IANA}" >&2\n'
                    f'[ -e {tmp_path}/broken ] && {{ echo "Error: Unable to establish" >&2; exit 1; }}\n'
                    'echo "Set Boot Device to pxe"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_network_boot_is_by_uefi_unless_the_host_has_a_bios(tool):
    for legacy in (False, True):
        open_bmc("ipmi", Access("192.0.2.1", "root", "x", legacy_boot=legacy), BmcSettings()).boot.network_once()
    uefi, bios = (tool / "words").read_text().splitlines()
    assert uefi.endswith("chassis bootdev pxe options=efiboot")
    assert bios.endswith("chassis bootdev pxe")


def test_a_failure_is_told_without_the_tools_own_warnings(tool):
    (tool / "broken").touch()
    with pytest.raises(BmcError) as caught:
        open_bmc("ipmi", Access("192.0.2.1", "root", "x"), BmcSettings(ipmi=IpmiSettings(timeout_s=5))).power.state()
    assert str(caught.value).endswith("Error: Unable to establish")
