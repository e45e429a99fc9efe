# SPDX-License-Identifier: Apache-2.0
"""Where the daemons of the controller listen: what each configuration says, per network, and what the documentation
says. A listener that neither expects fails here."""
from __future__ import annotations

import re
from pathlib import Path

import yaml
from oslo_config import cfg

from flock.conf.options import DAEMON_OPTS
from mtce.heartbeat import settings
from sm.catalogue.load import shipped
from sm.contract.mirror import PORT as MIRROR_PORT
from sm.transport.settings import PORT as BEAT_PORT
from sysinv.bootstrap import bus, management, render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.bus import BUS_PORT
from sysinv.bootstrap.front import KEYSTONE_PORT, listens, nginx_conf, published_apis
from sysinv.bootstrap.secrets import generate
from sysinv.conductor.dhcp import DnsmasqPaths, render_conf
from sysinv.conf.options import NETWORK_INTERFACES
from sysinv.model.addressing import PoolView

ROOT = Path(__file__).parents[4]
ANSWERS = parse({"admin_password": "correct-horse", "database": "postgresql"})
SECRETS = generate()
DEPLOYMENTS = ROOT / "sm/catalogue/deployments.yaml"
APIS = {f"{port} TCP" for api in published_apis() for port in api.ports}
BUS, DHCP, TFTP = f"{bus.BUS_PORT} TCP", "67 UDP", "69 UDP"
DNS = {"53 UDP", "53 TCP"}
EXPECTED = {
    "loopback": APIS | {BUS, f"{bus.ADMIN_PORT} TCP", "4369 TCP", "25672 TCP", "5432 TCP"},
    # The database admits nobody there but the second controller, by name and certificate.
    "mgmt": APIS | DNS | {BUS, "2106 UDP", "2103 UDP", "5432 TCP", "2222 UDP", "2224 TCP"},
    "oam": APIS | {"2222 UDP"},
    # Only the operations of installing hosts.
    "pxeboot": DNS | {"6385 TCP", DHCP, TFTP},
    "cluster-host": {"2116 UDP", "2113 UDP", "2222 UDP"},
}
Listeners = set[tuple[str, str]]


def network_of(address: str) -> str:
    """The network to which an address of the controller belongs; fails for what stands for all addresses."""
    if address in ("127.0.0.1", "127,0,0,1"):
        return "loopback"
    found = [network.name for network in ANSWERS.networks
             if address in (network.floating_address, network.controller0_address)]
    assert found, f"{address} is no address of one network"
    return found[0]


def front() -> Listeners:
    text = nginx_conf(listens(ANSWERS.networks, "controller-0"), published_apis())
    found = re.findall(r"^\s*listen\s+(\S+):(\d+)", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\s*listen\b", text, re.MULTILINE))
    return {(network_of(address), f"{port} TCP") for address, port in found}


def message_bus() -> Listeners:
    files = {file.path: file.content for file in bus.bus_files(ANSWERS, SECRETS, b"salt", "controller-0")}
    conf = dict(line.split(" = ", 1) for line in files["/etc/rabbitmq/rabbitmq.conf"].splitlines())
    assert conf["listeners.tcp"] == "none"
    found = {(network_of(value.rpartition(":")[0]), f"{value.rpartition(':')[2]} TCP")
             for name, value in conf.items() if name.startswith("listeners.ssl.")}
    found.add((network_of(conf["management.tcp.ip"]), f"{conf['management.tcp.port']} TCP"))
    environment = files["/etc/rabbitmq/rabbitmq-env.conf"]
    distribution = re.search(r"inet_dist_use_interface \{([\d,]+)\}", environment)
    mapper = re.search(r"ERL_EPMD_ADDRESS=(\S+)", environment)
    assert distribution and mapper
    found |= {(network_of(distribution[1]), "25672 TCP"), (network_of(mapper[1]), "4369 TCP")}
    [socket] = [text for path, text in files.items() if "epmd.socket" in path]
    streams = re.findall(r"^ListenStream=(.*)$", socket, re.MULTILINE)
    # The empty one drops those of Debian's unit.
    assert streams[0] == ""
    return found | {(network_of(each.rpartition(":")[0]), f"{each.rpartition(':')[2]} TCP") for each in streams[1:]}


def database() -> Listeners:
    [listed] = re.findall("^listen_addresses = '(.*)'$", render.database_conf(ANSWERS, "controller-0"), re.MULTILINE)
    return {(network_of(each.strip()), "5432 TCP") for each in listed.split(",")}


def names_and_boot() -> Listeners:
    pool = PoolView(1, "uuid", "pxeboot", "169.254.202.0", 24, "random", (("169.254.202.10", "169.254.202.250"),),
                    "169.254.202.1")
    lines = render_conf(DnsmasqPaths("/d", "/t", "/s"), pool, NETWORK_INTERFACES["pxeboot"],
                        NETWORK_INTERFACES["mgmt"]).splitlines()
    names = {interface: network for network, interface in NETWORK_INTERFACES.items()}
    assert "bind-dynamic" in lines and "except-interface=lo" in lines
    served = {names[line.partition("=")[2]] for line in lines if line.startswith("interface=")}
    without_dhcp = {names[line.partition("=")[2]] for line in lines if line.startswith("no-dhcp-interface=")}
    tftp = {names[each] for line in lines if line.startswith("enable-tftp")
            for each in line.partition("=")[2].split(",")}
    names_served = {(network, port) for network in served for port in DNS}
    return names_served | {(network, DHCP) for network in served - without_dhcp} | {
        (network, TFTP) for network in tftp}


def heartbeat(tmp_path: Path, monkeypatch) -> Listeners:
    [text] = [file.content for file in render.service_files(ANSWERS, SECRETS, "controller-0")
              if file.path.endswith("/mtce.conf")]
    (tmp_path / "mtce.conf").write_text(text + "\n[host]\nuuid = 6e6f6465-0000-4000-8000-000000000001\n")
    monkeypatch.setenv("FLOCK_CONF_DIR", str(tmp_path))
    links = settings.load([]).links
    names = {interface: network for network, interface in NETWORK_INTERFACES.items()}
    return {(names[link.interface], f"{port} UDP") for link in links for port in (link.request_port, link.answer_port)}


def beats_and_mirror() -> Listeners:
    """Of service management, once there are two controllers."""
    files = {file.path: file.content for file in management.management_files(ANSWERS, "controller-0", pair=True)}
    networks = yaml.safe_load(files[management.SITE])["networks"]
    paths = {path["network"] for path in yaml.safe_load(DEPLOYMENTS.read_text())["paths"].values()}
    found = {(network_of(networks[name]["ipv4"]["own"]), f"{BEAT_PORT} UDP") for name in paths & networks.keys()}
    return found | {("mgmt", f"{MIRROR_PORT} TCP")}


def everything(tmp_path: Path, monkeypatch) -> Listeners:
    return (front() | message_bus() | database() | names_and_boot() | heartbeat(tmp_path, monkeypatch)
            | beats_and_mirror())


def test_each_network_reaches_only_what_it_needs(tmp_path, monkeypatch) -> None:
    found: dict[str, set[str]] = {}
    for network, port in everything(tmp_path, monkeypatch):
        found.setdefault(network, set()).add(port)
    assert found == EXPECTED


def test_apis_keystone_and_its_cache_have_no_port() -> None:
    files = {file.path: file.content for file in render.service_files(ANSWERS, SECRETS, "controller-0")}
    for subsystem in ("fm", "sysinv", "mtce"):
        assert re.search(r"^bind_socket = /run/flock/", files[f"/etc/flock/{subsystem}.conf"], re.MULTILINE)
    for unit, option in (("flock-keystone", "--bind unix:/"), ("flock-keystone-cache", "-s /run/")):
        text = (ROOT / "etc/systemd" / f"{unit}.service").read_text()
        [start] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
        assert option in start and start.count("--bind") <= 1 and " -p " not in start and " -l " not in start


def test_pages_of_metrics_are_off_and_then_on_loopback() -> None:
    conf = cfg.ConfigOpts()
    conf.register_opts(DAEMON_OPTS)
    conf([])
    assert conf.metrics_port == 0 and network_of(conf.metrics_host) == "loopback"


def test_the_documentation_lists_exactly_these_ports(tmp_path, monkeypatch) -> None:
    text = (ROOT / "doc/source/architecture/as-built.rst").read_text()
    table = text.partition("\nPorts\n")[2].partition("\nCalls over the bus\n")[0]
    documented = set()
    for ports, protocol in re.findall(r"^   \* - ([\d, ]+) (TCP|UDP)$", table, re.MULTILINE):
        documented |= {f"{port.strip()} {protocol}" for port in ports.split(",")}
    assert documented == {port for _, port in everything(tmp_path, monkeypatch)}
    assert f"{KEYSTONE_PORT} TCP" in documented


def test_service_management_asks_where_the_apis_and_the_bus_really_listen() -> None:
    """Its own API is not among them: it does not manage that."""
    asked = {variants.flock.instance["answers"] for group in shipped().groups.values()
             for variants in group.services.values() if variants.flock and "answers" in variants.flock.instance}
    apis = {api.name: api for api in published_apis() if api.name != "sm"}
    assert asked == {f"http+unix:{api.socket}" for api in apis.values()} | {
        f"tls:127.0.0.1:{BUS_PORT}", f"tls:127.0.0.1:{apis['sysinv'].port}", "dbus:uk.org.thekelleys.dnsmasq"}
    assert " --enable-dbus " in (ROOT / "etc/systemd/flock-dnsmasq.service").read_text()
