# SPDX-License-Identifier: Apache-2.0
"""The lab itself, with real hosts: network boot, faults, management controllers, a killed daemon, nothing left behind.

Runs beside a lab that is up: it has a state folder and a name prefix of its own.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest

from tests.lab.command import LAB, Lab

PREFIX = f"t{os.getpid() % 100000}"
STATE = Path(f"/var/tmp/flock-{PREFIX}")
HARDWARE = "2i386-2t-hugepagesizecount"

INSTALLER = """\
#!/bin/sh
# stands in for flock-install: fails when told to, else leaves traces of what it was given
case "$2" in *lab.fail*) echo "told to fail"; exit 3 ;; esac
echo worker-installed > /etc/hostname
printf '%s\\n' "$@" > /root/installer-arguments
ip -4 -o addr show pxeboot0 > /root/installer-address
"""


def boot_file(lab, name, text):
    lab.run("exec", "controller-0", "--", "tee", f"/srv/tftp/pxelinux.cfg/{name}", input=text)


def in_namespace(host, *argv, check=True):
    done = subprocess.run(
        ["nsenter", f"--net=/run/netns/{PREFIX}-{host}", *argv], capture_output=True, text=True, timeout=60, check=False
    )
    assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def lab():
    if os.geteuid() != 0:
        pytest.skip("needs root")
    made = Lab(PREFIX)
    STATE.mkdir(mode=0o700)
    installer = STATE / "installer"
    installer.write_text(INSTALLER)
    installer.chmod(0o755)
    try:
        made.run("up", "standard", "--workers", "1", "--publish", "none", "--installer", str(installer), "--wait",
                 timeout=900)
        made.sh("controller-0", textwrap.dedent("""\
            set -e
            for leg in pxeboot0 mgmt0 cluster0 oam0 bmc0; do ip link set $leg up; done
            ip addr add 169.254.202.1/24 dev pxeboot0
            ip addr add 192.168.204.2/24 dev mgmt0
            ip addr add 10.10.10.1/24 dev oam0
            ip addr add 10.10.20.2/24 dev bmc0
            mkdir -p /srv/tftp/pxelinux.cfg
            dnsmasq --conf-file=/dev/null --port=0 --interface=pxeboot0 --bind-interfaces --user=root \\
                --dhcp-range=169.254.202.10,169.254.202.90 --dhcp-leasefile=/run/leases --pid-file=/run/dnsmasq.pid \\
                --enable-tftp --tftp-root=/srv/tftp --dhcp-boot=pxelinux.0 --log-dhcp --log-facility=/run/dnsmasq.log
        """))
        boot_file(made, "default", "DEFAULT wait\nLABEL wait\n  APPEND flock.wait=1\n")
        yield made
    finally:
        made.run("down", check=False)
        shutil.rmtree(STATE, ignore_errors=True)


@pytest.fixture(scope="module")
def worker(lab):
    """worker-0, discovered, installed over the network and up, with an address on mgmt."""
    lab.run("power", "on", "worker-0", "--wait")
    assert lab.host("worker-0")["stage"] == "waiting"
    mac = lab.host("worker-0")["mac"]
    assert mac in lab.sh("controller-0", "cat /run/leases").stdout
    assert "PXEClient:Arch" in lab.sh("controller-0", "cat /run/dnsmasq.log").stdout
    boot_file(lab, f"01-{mac.replace(':', '-')}", "DEFAULT install\nLABEL install\nKERNEL vmlinuz\nAPPEND lab.fail=1\n")
    lab.run("wait", "worker-0", "install-failed", "--timeout", "30")
    assert "told to fail" in lab.run("logs", "worker-0").stdout
    boot_file(lab, f"01-{mac.replace(':', '-')}",
              "default install\nlabel install\n  kernel vmlinuz\n  append flock.role=worker flock.install_token=abc\n")
    lab.run("wait", "worker-0", "up", "--timeout", "60")
    address_worker(lab)
    return "worker-0"


def address_worker(lab):
    lab.sh("worker-0", "ip link set mgmt0 up && ip addr add 192.168.204.10/24 dev mgmt0")
    lab.until(lambda: lab.reaches("controller-0", "192.168.204.10"), "ping of worker-0")


def test_network_boot_installs_what_the_boot_file_says(lab, worker):
    arguments = lab.sh(worker, "cat /root/installer-arguments").stdout.splitlines()
    assert arguments == ["--cmdline", "flock.role=worker flock.install_token=abc", "--pxecontroller", "169.254.202.1"]
    assert "169.254.202." in lab.sh(worker, "cat /root/installer-address").stdout
    assert lab.sh(worker, "hostname").stdout.strip() == "worker-installed"
    # the installed system starts with clean interfaces
    assert "169.254" not in lab.sh(worker, "ip -4 addr").stdout


def test_a_host_sees_its_own_interfaces_only(lab, worker):
    assert set(lab.sh(worker, "ls /sys/class/net").stdout.split()) == {
        "lo", "pxeboot0", "mgmt0", "cluster0", "oam0", "data0"}


def test_exec_carries_input_output_and_status(lab, worker):
    done = lab.run("exec", worker, "--", "sh", "-c", "cat; echo oops >&2; exit 7", input="through\n", check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("through\n", "oops\n", 7)


def test_multicast_passes_between_hosts(lab, worker):
    receive = textwrap.dedent("""\
        import socket, struct
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("239.1.1.2", 2106))
        wanted = struct.pack("4s4s", socket.inet_aton("239.1.1.2"), socket.inet_aton("192.168.204.10"))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, wanted)
        s.settimeout(20)
        print("listening", flush=True)
        print(s.recv(100).decode())
    """)
    send = textwrap.dedent("""\
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.168.204.2"))
        s.sendto(b"pulse", ("239.1.1.2", 2106))
    """)
    argv = [str(LAB), "--state-dir", str(STATE), "--prefix", PREFIX, "exec", worker, "--", "python3", "-c", receive]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout.readline() == "listening\n"
        lab.run("exec", "controller-0", "--", "python3", "-c", send)
        assert listener.stdout.readline() == "pulse\n"


def test_cut_and_heal(lab, worker):
    lab.run("cut", worker, "mgmt")
    assert lab.reaches("controller-0", "192.168.204.10") == 0
    assert "NO-CARRIER" in lab.sh(worker, "ip link show mgmt0").stdout
    assert lab.json("heal", worker)["healed"] == [f"{worker} mgmt"]
    lab.until(lambda: lab.reaches("controller-0", "192.168.204.10"), "ping after heal")


def test_loss_is_about_what_was_asked_for(lab, worker):
    lab.run("loss", worker, "mgmt", "30")
    answered = lab.reaches("controller-0", "192.168.204.10", count=200)
    lab.run("heal")
    assert 60 <= answered <= 140, "30% lost in each direction leaves 49% of the answers"
    assert lab.reaches("controller-0", "192.168.204.10", count=50) == 50


def test_hang_stops_the_host_and_not_its_bmc(lab, worker):
    lab.sh(worker, "nohup sh -c 'while :; do date +%s%N > /run/ticks; sleep 0.05; done' >/dev/null 2>&1 &")
    ticks = Path(f"/proc/{lab.json('status')['hosts'] and leader(lab, worker)}/root/run/ticks")
    lab.until(ticks.exists, "first tick")
    lab.run("hang", worker)
    frozen = ticks.read_text()
    time.sleep(0.5)  # nothing may happen meanwhile
    assert ticks.read_text() == frozen
    assert lab.host(worker)["stage"] == "hung"
    assert lab.run("exec", worker, "--", "true", check=False).returncode == 1
    assert redfish(lab, worker, "print(system.power_state.value)") == "On"
    lab.run("resume", worker)
    lab.until(lambda: ticks.read_text() != frozen, "ticks after resume", 5)


def leader(lab, host):
    record = json.loads((STATE / "hosts" / host / "host.json").read_text())
    nspawn = Path(f"/proc/{record['running']['pid']}/task/{record['running']['pid']}/children").read_text().split()[0]
    return Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()[0]


def test_crash_is_silent_and_keeps_the_disk(lab, worker):
    lab.sh(worker, "echo kept > /root/kept; sync")
    boot_id = lab.sh(worker, "cat /proc/sys/kernel/random/boot_id").stdout
    # a peer with an open connection must notice nothing: no FIN, no RST
    lab.run("crash", worker)
    assert lab.host(worker)["stage"] == "crashed"
    assert lab.host(worker)["power"] is True
    assert lab.reaches("controller-0", "192.168.204.10") == 0
    lab.run("power", "reset", worker, "--wait")
    assert lab.sh(worker, "cat /root/kept").stdout == "kept\n"
    assert lab.sh(worker, "cat /proc/sys/kernel/random/boot_id").stdout != boot_id
    address_worker(lab)


def test_reboot_and_power_off_inside(lab, worker):
    boots = lab.host(worker)["boots"]
    lab.sh(worker, "systemctl reboot", check=False)
    lab.until(lambda: lab.host(worker)["boots"] == boots + 1 and lab.host(worker)["stage"] == "up", "reboot")
    lab.sh(worker, "systemctl poweroff", check=False)
    lab.run("wait", worker, "off", "--timeout", "30")
    assert lab.host(worker)["power"] is False
    lab.run("power", "on", worker, "--wait")
    address_worker(lab)


def redfish(lab, host, script):
    """Run a script with `system`, `root` of the real client on controller-0; returns what it prints."""
    bmc = lab.json("bmc", host)
    head = (
        "import sushy\n"
        f"root = sushy.Sushy('{bmc['redfish']}', username='root', password='{bmc['password']}')\n"
        "system = root.get_system_collection().get_members()[0]\n"
    )
    done = lab.run("exec", "controller-0", "--", "/opt/flock/venv/bin/python", "-W", "ignore", "-c", head + script)
    return done.stdout.strip()


def test_redfish_switches_the_host(lab, worker):
    redfish(lab, worker, "system.reset_system(sushy.RESET_TYPE_FORCE_OFF)")
    assert lab.host(worker)["stage"] == "off"
    assert redfish(lab, worker, "print(system.power_state.value)") == "Off"
    redfish(lab, worker, "system.reset_system(sushy.RESET_TYPE_ON)")
    lab.run("wait", worker, "up")
    boots = lab.host(worker)["boots"]
    redfish(lab, worker, "system.reset_system(sushy.RESET_TYPE_FORCE_RESTART)")
    lab.until(lambda: lab.host(worker)["boots"] == boots + 1 and lab.host(worker)["stage"] == "up", "restart")
    redfish(lab, worker, "system.reset_system(sushy.RESET_TYPE_GRACEFUL_SHUTDOWN)")
    lab.run("wait", worker, "off", "--timeout", "30")
    lab.run("power", "on", worker, "--wait")
    address_worker(lab)


def test_redfish_boot_override_installs_once(lab, worker):
    lab.sh(worker, "echo old > /root/old")
    redfish(lab, worker, "system.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_PXE,"
                         " enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)\n"
                         "system.reset_system(sushy.RESET_TYPE_FORCE_RESTART)")
    lab.run("wait", worker, "up", "--timeout", "60")
    assert lab.sh(worker, "cat /root/old", check=False).returncode != 0
    assert lab.host(worker)["bmc"]["boot_override"] == "none"
    address_worker(lab)


def test_network_boot_can_send_a_host_to_its_disk(lab, worker):
    own = f"01-{lab.host(worker)['mac'].replace(':', '-')}"
    installing = lab.sh("controller-0", f"cat /srv/tftp/pxelinux.cfg/{own}").stdout
    lab.sh(worker, "echo kept > /root/kept; sync")
    boot_file(lab, own, "DEFAULT disk\nLABEL disk\n  LOCALBOOT 0\n")
    redfish(lab, worker, "system.set_system_boot_options(target=sushy.BOOT_SOURCE_TARGET_PXE,"
                         " enabled=sushy.BOOT_SOURCE_ENABLED_CONTINUOUS)\n"
                         "system.reset_system(sushy.RESET_TYPE_FORCE_RESTART)")
    lab.run("wait", worker, "up", "--timeout", "60")
    redfish(lab, worker, "system.set_system_boot_options(enabled=sushy.BOOT_SOURCE_ENABLED_DISABLED)")
    boot_file(lab, own, installing)
    assert lab.sh(worker, "cat /root/kept").stdout == "kept\n"
    assert "169.254" not in lab.sh(worker, "ip -4 addr").stdout
    address_worker(lab)


def test_redfish_sensors_media_and_ports(lab, worker):
    script = textwrap.dedent("""\
        chassis = root.get_chassis_collection().get_members()[0]
        print({t.name: t.reading_celsius for t in chassis.thermal.temperatures.get_members()}
              if hasattr(chassis.thermal.temperatures, "get_members") else
              {t.name: t.reading_celsius for t in chassis.thermal.temperatures})
        print(sorted(system.ethernet_interfaces.summary))
        media = root.get_manager_collection().get_members()[0].virtual_media.get_members()[0]
        media.insert_media("http://10.10.20.2/boot.iso")
        media.refresh(force=True)
        print(media.inserted, media.image)
        media.eject_media()
        media.refresh(force=True)
        print(media.inserted)
    """)
    assert lab.json("sensor", worker, "temp_cpu0", "97")["health"] == "Critical"
    lines = redfish(lab, worker, script).splitlines()
    lab.run("sensor", worker, "temp_cpu0", "ok")
    assert "'temp_cpu0': 97" in lines[0]
    assert lab.host(worker)["mac"] in lines[1].lower()
    assert lines[2:] == ["True http://10.10.20.2/boot.iso", "False"]


def test_redfish_asks_for_credentials(lab, worker):
    url = f"http://{lab.host(worker)['bmc']['address']}:8000/redfish/v1/Systems/1"
    code = in_namespace("controller-0", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url)
    assert code == "401"
    wrong = in_namespace("controller-0", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", "root:no", url)
    assert wrong == "401"


def test_cutting_the_bmc_network(lab, worker):
    url = f"http://{lab.host(worker)['bmc']['address']}:8000/redfish/v1"
    curl = ["curl", "-s", "-o", "/dev/null", "--max-time", "1", "-w", "%{http_code}", url]
    assert in_namespace("controller-0", *curl) == "200"
    lab.run("cut", worker, "bmc")
    assert in_namespace("controller-0", *curl, check=False) == "000"
    lab.run("heal", worker, "bmc")
    assert in_namespace("controller-0", *curl) == "200"


def test_ipmi_switches_a_host_that_has_it(lab, worker):
    lab.run("add", "worker-9", "--bmc", "both", "--hardware", HARDWARE)
    bmc = lab.json("bmc", "worker-9")
    host, _, port = bmc["ipmi"].partition(":")

    def ipmitool(*words, check=True):
        argv = ["ipmitool", "-I", "lanplus", "-C", "3", "-H", host, "-p", port, "-U", "root", "-P", bmc["password"]]
        return in_namespace("controller-0", *argv, *words, check=check)

    lab.until(lambda: "is off" in ipmitool("power", "status", check=False), "answer of ipmi_sim", 20)
    ipmitool("power", "on")
    lab.run("wait", "worker-9", "waiting", "--timeout", "30")
    assert "is on" in ipmitool("power", "status")
    ipmitool("chassis", "bootdev", "pxe")
    assert lab.host("worker-9")["bmc"]["boot_override"] == "pxe"
    lab.run("sensor", "worker-9", "temp_cpu0", "critical")
    lab.until(lambda: "cr" in next(line for line in ipmitool("sensor", "list").splitlines() if "temp_cpu0" in line),
              "critical temperature over IPMI", 10)
    assert "Upper Critical" in ipmitool("sel", "elist")
    boots = lab.host("worker-9")["boots"]
    ipmitool("power", "reset")
    lab.until(lambda: lab.host("worker-9")["boots"] == boots + 1, "reset over IPMI", 10)
    ipmitool("power", "off")
    lab.run("wait", "worker-9", "off", "--timeout", "10")
    lab.until(lambda: next(line for line in ipmitool("sensor", "list").splitlines() if "fan_1" in line).split("|")[1]
              .strip().startswith("0.0"), "a fan that stands still without power", 10)
    lab.run("remove", "worker-9")
    assert "worker-9" not in [machine["name"] for machine in lab.json("status")["hosts"]]


def test_recorded_hardware_is_shown_to_the_agents(lab, worker):
    lab.run("add", "worker-8", "--hardware", HARDWARE)
    mac = lab.host("worker-8")["mac"]
    boot_file(lab, f"01-{mac.replace(':', '-')}", "default i\nlabel i\nkernel vmlinuz\nappend flock.role=worker\n")
    lab.run("power", "on", "worker-8")
    lab.run("wait", "worker-8", "up", "--timeout", "60")
    assert lab.sh("worker-8", "cat /etc/flock/hardware_root").stdout.strip() == "/opt/flock-hardware"
    assert "processor" in lab.sh("worker-8", "cat /opt/flock-hardware/proc/cpuinfo").stdout
    assert lab.sh("worker-8", "touch /opt/flock-hardware/x", check=False).returncode != 0
    lab.run("remove", "worker-8")


def test_a_killed_daemon_is_replaced_and_takes_up_the_hosts(lab, worker):
    boot_id = lab.sh(worker, "cat /proc/sys/kernel/random/boot_id").stdout
    pid = int((STATE / "labd.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    assert lab.host(worker)["stage"] == "up"
    assert lab.sh(worker, "cat /proc/sys/kernel/random/boot_id").stdout == boot_id
    assert redfish(lab, worker, "print(system.power_state.value)") == "On"
    # what happens while nobody watches is found out afterwards
    os.kill(int((STATE / "labd.pid").read_text().split()[0]), signal.SIGKILL)
    os.kill(int(leader(lab, worker)), signal.SIGKILL)
    lab.run("wait", worker, "crashed", "--timeout", "10")
    lab.run("power", "reset", worker, "--wait")
    address_worker(lab)


def test_published_port_reaches_the_floating_address(lab, worker):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = lab.run("publish", str(port), check=False)
        assert refused.returncode == 1
        assert f"port {port} of 127.0.0.1 is taken" in refused.stderr
    lab.sh("controller-0", "mkdir -p /srv/web && echo hello > /srv/web/index.html && cd /srv/web &&"
                           " nohup python3 -m http.server --bind 10.10.10.1 8080 > /dev/null 2>&1 &")
    lab.run("publish", f"{port}:8080")

    def answers():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as reply:
                return reply.read() == b"hello\n"
        except OSError:
            return False

    lab.until(answers, "published port", 10)


def test_put_works_running_and_off(lab, worker, tmp_path):
    source = tmp_path / "file"
    source.write_text("laid\n")
    source.chmod(0o640)
    lab.run("put", worker, str(source), "/etc/flock/deep/running")
    lab.run("power", "off", worker)
    lab.run("put", worker, str(source), "/etc/flock/deep/off")
    lab.run("power", "on", worker, "--wait")
    assert lab.sh(worker, "stat -c '%a %n' /etc/flock/deep/*").stdout.split() == [
        "640", "/etc/flock/deep/off", "640", "/etc/flock/deep/running"]
    address_worker(lab)


def test_the_daemon_rests(lab, worker):
    def cpu_ticks():
        pid = (STATE / "labd.pid").read_text().split()[0]
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = cpu_ticks()
    time.sleep(3)  # the time over which rest is measured
    assert cpu_ticks() - before <= 3, "more than 1 % of a core at rest"


def test_second_up_changes_nothing(lab, worker):
    assert lab.json("up", "standard", "--workers", "1", "--publish", "none", "--wait")["added"] == []
    assert lab.host(worker)["stage"] == "up"


@pytest.mark.parametrize(("words", "status", "text"), [
    (("up", "dc"), 2, "not available yet"),
    (("up", "dc"), 2, "not available yet"),
    (("power", "on", "nobody"), 2, "no host"),
    (("cut", "worker-0", "nowhere"), 2, "no network"),
    (("loss", "worker-0", "mgmt", "200"), 2, "0 to 100"),
    (("sensor", "worker-0", "nose", "1"), 2, "no sensor"),
    (("add", "Bad_Name"), 2, "host name"),
    (("add", "worker-7", "--hardware", "abacus"), 2, "no recorded machine"),
    (("exec", "worker-0"), 2, "a command is needed"),
])
def test_refusals_are_one_clear_line(lab, worker, words, status, text):
    done = lab.run(*words, check=False)
    assert done.returncode == status
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


def test_zz_down_leaves_nothing(lab):
    """Last of the module: takes the lab down and looks for traces."""
    lab.run("down")
    assert lab.run("down").returncode == 0, "a second time does no harm"
    assert not list(Path("/run/netns").glob(f"{PREFIX}-*")) if Path("/run/netns").exists() else True
    assert PREFIX not in Path("/proc/self/mounts").read_text()
    assert not [path for path in Path("/sys/fs/cgroup").glob(f"*/{PREFIX}")]
    assert not list(Path("/run/systemd/nspawn").glob(f"*/{PREFIX}-*"))
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        assert str(STATE).encode() not in text or path.parent.name == str(os.getpid()), text
    left = {path.name for path in STATE.iterdir()} if STATE.exists() else set()
    assert left <= {"labd.log"}
