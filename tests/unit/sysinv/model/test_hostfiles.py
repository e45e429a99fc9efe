# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import configparser

from sysinv.model.hostfiles import hosts_file, network_file, platform_file


def _sections(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("[")]


def test_every_static_address_has_a_section_of_its_own() -> None:
    file = network_file("pxeboot", "eth0", ["169.254.202.2", "169.254.202.1"], 24, "169.254.202.254")
    assert file.path == "/etc/systemd/network/10-flock-pxeboot.network"
    assert _sections(file.content) == ["[Match]", "[Network]", "[Address]", "[Address]"]
    assert file.content.count("DuplicateAddressDetection=none") == 2
    assert "Gateway=169.254.202.254\n" in file.content and "DHCP" not in file.content


def test_an_interface_without_address_asks_for_one_and_nothing_more() -> None:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(network_file("pxeboot", "eth0", [], 24, required=False).content)
    assert dict(parser["Link"]) == {"RequiredForOnline": "no"}
    assert parser["Network"]["DHCP"] == "ipv4"
    assert dict(parser["DHCPv4"]) == {"UseDNS": "no", "UseRoutes": "no", "UseHostname": "no", "UseNTP": "no",
                                      "ClientIdentifier": "mac"}


def test_names_and_facts_are_lines_in_the_order_given() -> None:
    assert hosts_file([("10.0.0.2", "worker-0 worker-0.internal")]).content.splitlines() == [
        "127.0.0.1 localhost", "::1 localhost ip6-localhost", "10.0.0.2 worker-0 worker-0.internal"]
    assert platform_file({"nodetype": "worker", "UUID": "u"}).content == "nodetype=worker\nUUID=u\n"
