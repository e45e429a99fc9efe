# SPDX-License-Identifier: Apache-2.0
"""Words and values that a site gives to the definitions."""
from sm.catalogue.site import Family, Network, Site, address_rules, values, words

OAM = Network("eth1", Family("10.10.10.1/24", "10.10.10.2"), Family("fd00::1/64", preferred_lft="0"), "ipv6",
              "10.0.0.0/8")


def test_words_are_the_floating_addresses() -> None:
    found = Site("duplex", "controller-0", networks={"oam": OAM, "admin": Network("eth2", Family(own="10.1.1.1"))})
    assert words(found) == {"oam-ipv4", "oam-ipv6"}


def test_values_fill_placeholders() -> None:
    assert values(Site("duplex", "controller-0", networks={"oam": OAM})) == {
        "unit": "controller-0", "oam.device": "eth1", "oam.clients": "10.0.0.0/8", "oam.ipv4.ip": "10.10.10.1",
        "oam.ipv4.prefix": "24", "oam.ipv4.preferred_lft": "", "oam.ipv6.ip": "fd00::1", "oam.ipv6.prefix": "64",
        "oam.ipv6.preferred_lft": "0"}


def test_the_primary_family_comes_first() -> None:
    assert list(OAM.families) == ["ipv6", "ipv4"]
    assert list(Network("eth1", OAM.ipv4, OAM.ipv6).families) == ["ipv4", "ipv6"]


def test_rules_of_addresses() -> None:
    bad = Network("eth1", Family("10.10.10.1", "10.10.10.2/24", "fd00::1", "not"), primary="ipv6")
    found = address_rules(Site("duplex", "x", networks={"oam": bad, "admin": Network("eth2")}))
    assert [(name, field) for name, field, _ in found] == [
        ("oam", "primary"), ("oam", "ipv4.floating"), ("oam", "ipv4.own"), ("oam", "ipv4.peer"),
        ("oam", "ipv4.multicast"), ("admin", "ipv4")]
    assert address_rules(Site("duplex", "x", networks={"oam": OAM})) == []
