# SPDX-License-Identifier: Apache-2.0
"""The command `lab`: parses arguments, sends a request to the daemon, prints the changes, returns an exit status."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from devstack.virtualcloud import boot, inside, probe
from devstack.virtualcloud.client import NoDaemon
from devstack.virtualcloud.disks import DISKS_DEFAULT, parse_sizes
from devstack.virtualcloud.errors import LabError, NotAvailable
from devstack.virtualcloud.image import Images
from devstack.virtualcloud.plan import cloud_hosts, published_ports
from devstack.virtualcloud.record import Store
from devstack.virtualcloud.session import Session
from devstack.virtualcloud.site import CODE_DIR, PREFIX, STATE_DIR
from devstack.virtualcloud.status import status_text
from devstack.virtualcloud.sweep import sweep

DEFAULT_PORTS = ("5000", "6385", "18002", "2112", "7777", "5497", "15491", "4545")


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    options = parser().parse_args(arguments)
    try:
        probe.check_privilege(os.uname().sysname, os.geteuid())
        status = options.run(Session(options))
        return int(status or 0)
    except LabError as exc:
        if getattr(options, "json", False):
            sys.stdout.write(json.dumps({"error": exc.text}) + "\n")
        sys.stderr.write(f"lab: {exc.text}\n")
        return exc.status
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130


def _status(session: Session) -> None:
    try:
        data = session.ask("status")
    except NoDaemon:
        data = {"up": False, "kind": "", "hosts": [], "networks": [], "published": {}, "missing_features": []}
    session.show(data, status_text(data))


def _up(session: Session) -> None:
    options = session.options
    cloud_hosts(options.kind, options.workers, options.storage)
    ports = [] if options.publish == "none" else (options.publish or ",".join(DEFAULT_PORTS)).split(",")
    published_ports(ports)
    probe.check_machine(session.site.state_dir)
    installer = str(options.installer.resolve()) if options.installer else ""
    if installer and not os.access(installer, os.X_OK):
        raise NotAvailable(f"installer {installer}: an executable file is needed")
    Images(session.site.image_dir).build(session.progress)
    _have_ostree(session)
    session.client.ensure_daemon()
    session.ask("publish", ports=ports)
    data = session.ask(
        "up", kind=options.kind, workers=options.workers, storage=options.storage, bmc=options.bmc, installer=installer,
        ostree=options.ostree,
    )  # fmt: skip
    stage = session.wait("controller-0")
    status = session.ask("status")
    session.show({**data, "stage": stage, "missing_features": status["missing_features"]}, status_text(status))


def _have_ostree(session: Session) -> None:
    """Make the disk with OSTree, for hosts that run from it; of the lab's image, or of the present one."""
    if session.options.ostree:
        images = Images(session.site.image_dir)
        recorded = Store(session.site.state_dir).load_lab().image
        images.build_ostree(Path(recorded) if recorded else images.root, session.progress)


def _down(session: Session) -> None:
    removed: list[str] = []
    if (session.site.state_dir / "lab.json").exists():
        try:
            removed = session.ask("down")["removed"]
        except LabError as exc:
            session.progress(f"{exc.text}; removing what is there")
    left = sweep(session.site, purge=session.options.purge)
    if left:
        raise LabError(f"still there: {', '.join(left[:8])}")
    gone = f"removed {', '.join(removed)}; " if removed else ""
    session.show({"removed": removed, "left": []}, f"{gone}nothing of the lab is left")


def _add(session: Session) -> None:
    options = session.options
    if options.personality not in ("", "none"):
        raise NotAvailable("the lab adds unknown machines only; give it a personality with: system host-update")
    recorded = str(Path(options.hardware).resolve()) if "/" in options.hardware else options.hardware
    parse_sizes(options.disks)
    _have_ostree(session)
    session.ask("add", host=options.host, hardware=recorded, bmc=options.bmc, role=options.role,
                disks=options.disks, ostree=options.ostree)  # fmt: skip
    if options.power_on or options.wait:
        session.ask("power", host=options.host, what="on")
    stage = session.wait(options.host) or ("on" if options.power_on else "off")
    session.show({"host": options.host, "stage": stage}, f"{options.host} added, {stage}")


def _remove(session: Session) -> None:
    data = session.ask("remove", host=session.options.host)
    session.show(data, f"{session.options.host} removed")


def _power(session: Session) -> None:
    options = session.options
    data = session.ask("power", host=options.host, what=options.what)
    if options.wait:
        stages = [str(boot.Stage.OFF)] if options.what in ("off", "shutdown") else []
        if options.what == "restart":
            session.ask("wait", host=options.host, stages=["firmware", "booting"], timeout_s=options.timeout)
        data["stage"] = session.wait(options.host, stages)
    word = data["stage"] if data["changed"] else f"unchanged, {data['stage']}"
    session.show(data, f"{options.host} {word}")


def _simple(op: str, done: str, same: str) -> Callable[[Session], None]:
    def run(session: Session) -> None:
        data = session.ask(op, host=session.options.host)
        session.show(data, f"{session.options.host} {done if data['changed'] else same}")

    return run


def _cut(session: Session) -> None:
    options = session.options
    data = session.ask("cut", host=options.host, network=options.network)
    session.show(data, f"{options.host} {options.network} {'cut' if data['changed'] else 'was cut already'}")


def _heal(session: Session) -> None:
    data = session.ask("heal", host=session.options.host or "", network=session.options.network or "")
    session.show(data, f"healed {', '.join(data['healed'])}" if data["healed"] else "nothing to heal")


def _loss(session: Session) -> None:
    options = session.options
    data = session.ask("loss", host=options.host, network=options.network, percent=options.percent)
    session.show(data, f"{options.host} {options.network} loses {options.percent}% in each direction")


def _sensor(session: Session) -> None:
    options = session.options
    data = session.ask("sensor", host=options.host, sensor=options.name, value=options.value)
    session.show(data, f"{options.host} {options.name} {options.value}: {data['health']}")


def _wait(session: Session) -> None:
    options = session.options
    data = session.ask("wait", host=options.host, stages=options.stage, timeout_s=options.timeout)
    session.show(data, f"{options.host} {data['stage']}")


def _publish(session: Session) -> None:
    data = session.ask("publish", ports=session.options.port or list(DEFAULT_PORTS))
    pairs = ", ".join(f"127.0.0.1:{here} -> {there}" for here, there in data["published"].items())
    session.show(data, f"published {pairs}")


def _bmc(session: Session) -> None:
    data = session.ask("bmc", host=session.options.host)
    lines = [f"{name:9} {value}" for name, value in data.items() if value]
    session.show(data, "\n".join(lines))


def _image_build(session: Session) -> None:
    images = Images(session.site.image_dir)
    built = images.build(session.progress)
    if session.options.ostree:
        built |= images.build_ostree(images.root, session.progress)
    data = {"built": built, "path": str(images.root), **images.manifest()}
    session.show(data, f"{'built' if built else 'there already'}: {images.root}")


def _image_path(session: Session) -> None:
    images = Images(session.site.image_dir)
    if not images.ready():
        raise LabError("the base image is not built; build it: devstack/lab image build")
    session.show({"path": str(images.root), **images.manifest()}, str(images.root))


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands of the lab."""
    top = argparse.ArgumentParser(prog="lab", description="A virtual edge cloud on this machine.")
    environment = os.environ
    top.add_argument(
        "--state-dir",
        type=Path,
        default=Path(environment.get("FLOCK_LAB_STATE", STATE_DIR)),
        help="where the lab lives",
    )
    top.add_argument(
        "--prefix", default=environment.get("FLOCK_LAB_PREFIX", PREFIX), help="start of all names it gives"
    )
    image_dir = environment.get("FLOCK_LAB_IMAGE")
    top.add_argument(
        "--image-dir",
        type=Path,
        default=Path(image_dir) if image_dir else None,
        help="base images (default: in the state folder)",
    )
    top.add_argument(
        "--code-dir", type=Path, default=Path(environment.get("FLOCK_HOME", CODE_DIR)), help="the code the hosts see"
    )
    common = argparse.ArgumentParser(add_help=False)
    for one, default in ((top, False), (common, argparse.SUPPRESS)):
        one.add_argument("--json", action="store_true", default=default, help="the result as JSON")
    waiting = argparse.ArgumentParser(add_help=False)
    waiting.add_argument("--wait", action="store_true", help="return when the host is there")
    waiting.add_argument("--timeout", type=float, default=300, metavar="S", help="longest wait, in seconds (300)")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[Session], int | None], text: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[common, *parents])
        made.set_defaults(run=run)
        return made

    command("status", _status, "hosts, power, addresses, networks, what is broken on purpose")
    _add_lifecycle(command, waiting)
    _add_faults(command)
    inside.add_commands(command)
    image = commands.add_parser("image", help="the base root file system").add_subparsers(
        required=True, metavar="build|path"
    )
    for name, run in (("build", _image_build), ("path", _image_path)):
        made = image.add_parser(name, parents=[common])
        made.set_defaults(run=run)
        if name == "build":
            made.add_argument("--ostree", action="store_true", help="also the disk of hosts that run from OSTree")
    return top


def _add_lifecycle(command: Callable[..., argparse.ArgumentParser], waiting: argparse.ArgumentParser) -> None:
    up = command("up", _up, "bring up the machines of a cloud", waiting)
    up.add_argument("kind", choices=("aio-sx", "aio-dx", "standard", "dc"))
    up.add_argument("--workers", type=int, default=2)
    up.add_argument("--storage", type=int, default=0)
    up.add_argument("--subclouds", type=int, default=1, help="for dc")
    up.add_argument("--bmc", choices=("redfish", "ipmi", "both"), default="redfish")
    up.add_argument(
        "--publish", metavar="PORT,…|none", default="", help=f"ports on 127.0.0.1 (default {','.join(DEFAULT_PORTS)})"
    )
    up.add_argument("--ostree", action="store_true", help="new machines run from deployments of OSTree")
    up.add_argument("--installer", type=Path, help="program hosts install themselves with (default: flock-install)")
    down = command("down", _down, "remove all hosts, networks, processes; the image stays")
    down.add_argument("--purge", action="store_true", help="remove the state folder and the code folder too")
    add = command("add", _add, "add one unknown machine, without power", waiting)
    add.add_argument("host")
    add.add_argument("--hardware", default="", help="show the agents a recorded machine")
    add.add_argument("--bmc", choices=("redfish", "ipmi", "both"), default="redfish")
    add.add_argument(
        "--disks", metavar="GIB,…|none", default=DISKS_DEFAULT, help=f"sizes of its own disks ({DISKS_DEFAULT})"
    )
    add.add_argument(
        "--role", choices=("controller", "worker", "storage"), default="", help="its cabling (default: by name)"
    )
    add.add_argument("--personality", default="", help="none: the cloud has to discover it")
    add.add_argument("--ostree", action="store_true", help="it runs from deployments of OSTree")
    add.add_argument("--power-on", action="store_true")
    command("remove", _remove, "remove a machine and its disk").add_argument("host")
    power = command("power", _power, "switch a machine", waiting)
    power.add_argument("what", choices=("on", "off", "reset", "shutdown", "restart"))
    power.add_argument("host")
    wait = command("wait", _wait, "wait for a stage of a host")
    wait.add_argument("host")
    wait.add_argument("stage", nargs="*", help="any of: " + ", ".join(boot.Stage))
    wait.add_argument("--timeout", type=float, default=300, metavar="S")
    command("bmc", _bmc, "address and credentials of a management controller").add_argument("host")
    command("publish", _publish, "publish ports on 127.0.0.1").add_argument(
        "port", nargs="*", metavar="PORT[:PORT-THERE]"
    )


def _add_faults(command: Callable[..., argparse.ArgumentParser]) -> None:
    for name, run, text in (
        ("crash", _simple("crash", "crashed", "unchanged"), "kill a host's system; the power stays on"),
        ("hang", _simple("hang", "hangs", "hangs already"), "freeze a host's processes; its BMC lives"),
        ("resume", _simple("resume", "goes on", "does not hang"), "let a frozen host go on"),
    ):
        command(name, run, text).add_argument("host")
    cut = command("cut", _cut, "pull a network cable")
    cut.add_argument("host")
    cut.add_argument("network")
    heal = command("heal", _heal, "undo cuts and losses")
    heal.add_argument("host", nargs="?")
    heal.add_argument("network", nargs="?")
    loss = command("loss", _loss, "lose packets on a cable")
    loss.add_argument("host")
    loss.add_argument("network")
    loss.add_argument("percent", type=int)
    sensor = command("sensor", _sensor, "drive a sensor")
    sensor.add_argument("host")
    sensor.add_argument("name")
    sensor.add_argument("value", help="a number, warning, critical, or ok for its own value again")


if __name__ == "__main__":
    raise SystemExit(main())
