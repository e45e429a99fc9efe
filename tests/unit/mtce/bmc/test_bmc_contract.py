# SPDX-License-Identifier: Apache-2.0
"""One contract for every BMC protocol, against the lab's Redfish service and OpenIPMI's simulator."""
import asyncio
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field

import pytest

from devstack.virtualcloud.boot import Override
from devstack.virtualcloud.redfish.requests import Reset, SetOverride
from devstack.virtualcloud.redfish.server import RedfishServer
from devstack.virtualcloud.redfish.view import ServerView
from devstack.virtualcloud.sensors import readings
from mtce.bmc.interfaces import Access, BmcError, PowerState
from mtce.bmc.ipmi import IpmiSettings
from mtce.bmc.kinds import BmcSettings, open_bmc, perform
from mtce.bmc.session import RedfishSettings

USER, PASSWORD = "root", "calvin-and-hobbes"


@dataclass
class Server:
    """The machine behind a BMC: its power and what was done to it."""

    power: bool = False
    done: list = field(default_factory=list)
    override: Override = Override()

    def view(self):
        return ServerView("s", "0a1b2c3d-0000-4000-8000-000000000001", self.power, self.power, self.override, "", 2,
                          1024, (), "02:00:00:00:00:01", "127.0.0.1", readings({}, self.power))

    async def perform(self, command):
        if isinstance(command, SetOverride):
            self.override = command.override
            self.done.append("netboot")
        elif isinstance(command, Reset):
            self.done.append(command.kind)
            self.power = command.kind not in ("ForceOff", "GracefulShutdown")


@dataclass
class Bench:
    """A BMC to talk to and the server it controls."""

    bmc: object
    server: Server
    access: Access
    settings: BmcSettings


@pytest.fixture
def redfish():
    server = Server()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    loop = asyncio.new_event_loop()
    service = RedfishServer(server.view, server.perform, USER, PASSWORD)
    loop.run_until_complete(service.start(listener))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    settings = BmcSettings(redfish=RedfishSettings("http", listener.getsockname()[1], False, 2, 5))
    access = Access("127.0.0.1", USER, PASSWORD)
    yield Bench(open_bmc("redfish", access, settings), server, access, settings)
    asyncio.run_coroutine_threadsafe(service.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


LAN = """name "s"
set_working_mc 0x20
 startlan 1
  addr 127.0.0.1 {port}
  priv_limit admin
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789000001
 endlan
 chassis_control "{hook}"
 user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""
HOOK = """#!/bin/sh
# get NAME... prints name:value; set NAME VALUE keeps it and notes it.
cd {folder}
verb=$1; shift
if [ "$verb" = get ]; then
    for name; do
        case $name in power) echo "power:$(cat power)";; boot) echo "boot:$(cat boot)";; esac
    done
else
    echo "$1 $2" >> done
    case $1 in power|boot) echo "$2" > $1;; reset) echo 1 > power;; shutdown) echo 0 > power;; esac
fi
"""


class IpmiServer:
    """The machine behind ipmi_sim, kept in files by its hook."""

    def __init__(self, folder):
        self.folder = folder
        self._names = {"reset 1": "ForceRestart", "power 0": "ForceOff", "shutdown 1": "GracefulShutdown",
                       "power 1": "On", "boot pxe": "netboot"}
        (folder / "power").write_text("0\n")
        (folder / "boot").write_text("none\n")

    @property
    def power(self):
        return (self.folder / "power").read_text().strip() == "1"

    @power.setter
    def power(self, on):
        (self.folder / "power").write_text("1\n" if on else "0\n")

    @property
    def done(self):
        path = self.folder / "done"
        return [self._names.get(line, line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def ipmi(tmp_path):
    if not shutil.which("ipmi_sim") or not shutil.which("ipmitool"):
        pytest.skip("openipmi and ipmitool are not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = PASSWORD[:16]
    hook = tmp_path / "hook"
    hook.write_text(HOOK.format(folder=tmp_path))
    hook.chmod(0o755)
    (tmp_path / "lan.conf").write_text(LAN.format(port=port, hook=hook, user=USER, password=password))
    (tmp_path / "emu").write_text(
        "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n")
    server = IpmiServer(tmp_path)
    process = subprocess.Popen(["ipmi_sim", "-c", "lan.conf", "-f", "emu", "-s", str(tmp_path / "state"), "-n"],
                               cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    settings = BmcSettings(ipmi=IpmiSettings(port, 3, 20, 1))
    access = Access("127.0.0.1", USER, password)
    bench = Bench(open_bmc("ipmi", access, settings), server, access, settings)
    deadline = time.monotonic() + 20
    while True:
        try:
            bench.bmc.power.state()
            break
        except BmcError:
            assert time.monotonic() < deadline, "ipmi_sim does not answer"
    yield bench
    process.kill()
    process.wait(10)


class BmcContract:
    """What every protocol must do; ``bench`` comes from the subclass."""

    def test_power_is_told_and_switched(self, bench):
        assert perform(bench.bmc, "query", graceful=False) is PowerState.OFF
        perform(bench.bmc, "power-on", graceful=False)
        assert bench.server.power
        assert bench.bmc.power.state() is PowerState.ON
        perform(bench.bmc, "power-off", graceful=False)
        assert not bench.server.power
        assert bench.bmc.power.state() is PowerState.OFF

    def test_off_twice_is_harmless(self, bench):
        bench.bmc.power.off(graceful=False)
        bench.bmc.power.off(graceful=True)
        assert not bench.server.power

    def test_reset_twice_leaves_the_power_on(self, bench):
        bench.server.power = True
        for _ in range(2):
            perform(bench.bmc, "reset", graceful=False)
        assert bench.server.power
        assert bench.server.done.count("ForceRestart") == 2

    def test_graceful_off_is_a_shutdown(self, bench):
        bench.server.power = True
        bench.bmc.power.off(graceful=True)
        assert "GracefulShutdown" in bench.server.done and "ForceOff" not in bench.server.done

    def test_network_boot_is_requested_once(self, bench):
        perform(bench.bmc, "netboot", graceful=False)
        assert bench.server.done == ["netboot"]

    def test_wrong_password_is_named_and_never_shown(self, bench):
        wrong = Access(bench.access.address, USER, "not-the-one")
        with pytest.raises(BmcError) as caught:
            open_bmc(bench.bmc.kind, wrong, bench.settings).power.state()
        assert "not-the-one" not in str(caught.value) + repr(wrong)


class TestRedfish(BmcContract):
    @pytest.fixture
    def bench(self, redfish):
        return redfish

    def test_dynamic_finds_redfish(self, bench):
        assert open_bmc("dynamic", bench.access, bench.settings).kind == "redfish"

    def test_a_dead_service_is_an_error_within_its_time(self, bench):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            settings = BmcSettings(redfish=RedfishSettings("http", silent.getsockname()[1], False, 0.5, 0.5))
            begun = time.monotonic()
            with pytest.raises(BmcError):
                open_bmc("redfish", bench.access, settings).power.state()
            # sushy asks a silent service three times, with 2 and 4 s between.
            assert time.monotonic() - begun < 20


class TestIpmi(BmcContract):
    @pytest.fixture
    def bench(self, ipmi):
        return ipmi


def test_no_board_management_answers_unknown_and_refuses_commands():
    bmc = open_bmc("none", None, BmcSettings())
    assert bmc.power.state() is PowerState.UNKNOWN
    for command in ("power-on", "power-off", "reset", "netboot"):
        with pytest.raises(BmcError):
            perform(bmc, command, graceful=False)
    with pytest.raises(ValueError, match="bm_type"):
        open_bmc("ilo", None, BmcSettings())
