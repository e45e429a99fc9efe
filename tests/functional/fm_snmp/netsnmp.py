# SPDX-License-Identifier: Apache-2.0
"""net-snmp's daemons on private ports without privileges, and its command line tools; all print numbers for names."""
from __future__ import annotations

import os
import pwd
import re
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flock.exec import Completed, run
from flock.testing.services.process import Process, ServiceFailed, find_program, wait_for

PROGRAMS = ("snmpd", "snmptrapd", "snmpget", "snmpgetnext", "snmpwalk", "snmpbulkwalk", "snmpset", "snmpbulkget",
            "snmptranslate")
ACCOUNT = "Debian-snmp"
TOOL_TIMEOUT_S = 120
# Print octets in hexadecimal, and names and enumerations as numbers.
PLAIN = ("-On", "-Ox", "-Oe")
_RECORD, _VARIABLE, _END = "@record@", "@variable@", "@end@"


@dataclass(frozen=True)
class Binding:
    """One variable in the tools' output: dotted name, name of its type, and int, bytes or dotted name as value."""

    name: str
    syntax: str
    value: int | bytes | str


@dataclass(frozen=True)
class Received:
    """One notification: its ``sender`` as text (kind, version, and user or community) and its variables."""

    sender: str
    bindings: tuple[Binding, ...]

    @property
    def name(self) -> int | bytes | str:
        """The dotted name of the notification."""
        return self.bindings[1].value

    @property
    def values(self) -> dict[str, int | bytes | str]:
        """The variables after time and name, in order, by dotted name."""
        return {binding.name: binding.value for binding in self.bindings[2:]}


def available() -> bool:
    """True when the daemons and tools are installed."""
    return all(find_program(name) for name in PROGRAMS)


def free_udp_port() -> int:
    """A free UDP port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parsed(text: str) -> Binding:
    """The variable in one line of output such as ``.1.3.6 = INTEGER: 5``."""
    name, _, rest = text.strip().partition(" = ")
    syntax, separator, value = rest.partition(": ")
    name = name.lstrip(".")
    if not separator:
        return Binding(name, "STRING" if rest == '""' else rest, b"" if rest == '""' else rest)
    if syntax == "Hex-STRING":
        return Binding(name, "STRING", bytes.fromhex(value))
    if syntax == "Timeticks":
        return Binding(name, syntax, int(value[1:].partition(")")[0]))
    if syntax in ("INTEGER", "Gauge32", "Counter32"):
        return Binding(name, syntax, int(value))
    return Binding(name, syntax, value.strip().lstrip("."))


class _Daemon:
    """A net-snmp daemon with its files below ``folder``; ``entry`` is a command prefix that runs it elsewhere."""

    program = ""

    def __init__(self, folder: Path, port: int | None = None, *, address: str = "127.0.0.1",
                 entry: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = port or free_udp_port()
        self._address = address
        self._entry = tuple(entry)
        self.process: Process | None = None
        known = any(entry.pw_name == ACCOUNT for entry in pwd.getpwall())
        # ``entry`` needs the rights of root.
        self._user = ACCOUNT if known and os.geteuid() == 0 and not entry else None

    def start_program(self, lines: Iterable[str], *arguments: str, ready: Callable[[], object]) -> None:
        """Start the program with configuration ``lines``; returns when ``ready()`` is true."""
        program = find_program(self.program)
        if program is None:
            raise ServiceFailed(f"{self.program} is not installed")
        # Files that must survive a restart, above all the engine's boot counter.
        kept = self.folder / "kept"
        kept.mkdir(exist_ok=True)
        path = self.folder / f"{self.program}-settings.conf"
        path.write_text("\n".join([*lines, ""]))
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            for each in (self.folder, kept):
                os.chown(each, entry.pw_uid, entry.pw_gid)
        env = {"MIBS": "", "MIBDIRS": "/nonexistent", "SNMP_PERSISTENT_DIR": str(kept), "SNMPCONFPATH": str(kept)}
        argv = [*self._entry, program, "-f", "-C", "-c", str(path), "-Lo", *arguments,
                f"udp:{self._address}:{self.port}"]
        self.process = Process(self.program, argv, self.folder, env=env, user=self._user)
        self.process.wait_until(ready, 20.0, f"{self.program} to serve")

    def stop(self) -> None:
        """Stop the daemon; ``start`` starts it again with its persistent files."""
        if self.process is not None:
            self.process.stop(number=signal.SIGTERM)
            self.process = None


class Snmpd(_Daemon):
    """The master agent, with AgentX on a socket below ``folder``; for the community ``public`` and ``users``."""

    program = "snmpd"

    @property
    def agentx_address(self) -> str:
        """The address to which sub-agents connect."""
        return f"unix:{self.folder}/agentx"

    def start(self, users: Mapping[str, str] | None = None) -> None:
        """Start snmpd; ``users`` are ``{name: "SHA-256 passphrase AES passphrase"}``."""
        lines = ["rocommunity public 127.0.0.1", "master agentx", f"agentXSocket {self.folder}/agentx",
                 "agentXPerms 0777 0777"]
        lines += [f"createUser {name} {keys}\nrouser {name} priv" for name, keys in (users or {}).items()]
        self.start_program(lines, "-I", "-smux", ready=self.answers)

    def answers(self) -> bool:
        """True when snmpd replies to a request for its uptime."""
        return tool("snmpget", "-t1", "-r0", *self.as_community(), "1.3.6.1.2.1.1.3.0", check=False).rc == 0

    def as_community(self) -> tuple[str, ...]:
        """Arguments of the tools for version 2c."""
        return ("-v2c", "-c", "public", f"udp:127.0.0.1:{self.port}")

    def as_user(self, name: str, auth: str, auth_key: str, priv: str, priv_key: str) -> tuple[str, ...]:
        """Arguments of the tools for version 3 with authentication and encryption."""
        return ("-v3", "-l", "authPriv", "-u", name, "-a", auth, "-A", auth_key, "-x", priv, "-X", priv_key,
                f"udp:127.0.0.1:{self.port}")


class Snmptrapd(_Daemon):
    """Receives notifications of a community and of ``users``; ``received()`` returns them."""

    program = "snmptrapd"

    def start(self, users: Mapping[str, str] | None = None, arguments: Sequence[str] = (),
              community: str = "public") -> None:
        """Start snmptrapd; ``users`` are ``{"[-e 0xENGINE] name": "SHA-256 passphrase AES passphrase"}``."""
        lines = [f"authCommunity log {community}", f"format2 {_RECORD}%P%V{_VARIABLE}%v{_END}\\n"]
        for name, keys in (users or {}).items():
            level = ("noauth", "auth", "priv")[(len(keys.split()) + 1) // 2]
            lines.append(f"createUser {name} {keys}\nauthUser log {name.split()[-1]} {level}")
        marker = "NET-SNMP version"
        started = self.log().count(marker)
        self.start_program(lines, *(arguments or PLAIN), ready=lambda: self.log().count(marker) > started)

    def received(self, sender: str = "") -> list[Received]:
        """All notifications since the first start whose sender contains the text ``sender``, oldest first."""
        records = re.findall(f"{_RECORD}(.*?){_END}", self.log(), re.DOTALL)
        found = []
        for record in records:
            # The first variable is always sysUpTime; the text before it describes the sender.
            by, _, rest = record.partition(".1.3.6.1.2.1.1.3.0 = ")
            parts = re.split(_VARIABLE, f".1.3.6.1.2.1.1.3.0 = {rest}")
            found.append(Received(by.strip(), tuple(parsed(part) for part in parts)))
        return [each for each in found if sender in each.sender]

    def wait(self, number: int, sender: str = "", timeout_s: float = 20.0) -> list[Received]:
        """Wait for ``number`` notifications of ``sender`` and return them; ServiceFailed after ``timeout_s``."""
        wait_for(lambda: len(self.received(sender)) >= number, timeout_s, f"{number} notifications")
        return self.received(sender)

    def log(self) -> str:
        """All output of the daemon."""
        path = self.folder / f"{self.program}.log"
        return path.read_text(errors="replace") if path.exists() else ""


def tool(name: str, *arguments: str, check: bool = True, mibs: Path | None = None, plain: bool = True) -> Completed:
    """Run a command line tool; with ``mibs`` it resolves the names of the modules in that folder."""
    env = {"MIBS": "ALL" if mibs else "", "MIBDIRS": str(mibs or "/nonexistent"), "LC_ALL": "C.UTF-8",
           "SNMP_PERSISTENT_DIR": "/nonexistent", "PATH": os.environ.get("PATH", "")}
    formats = PLAIN if plain else ()
    return run([find_program(name) or name, *formats, *arguments], timeout_s=TOOL_TIMEOUT_S, check=check, env=env)


def ask(name: str, session: Sequence[str], *oids: str, options: Sequence[str] = ()) -> list[Binding]:
    """The variables that ``snmpget``, ``snmpwalk`` or a similar tool prints."""
    output = tool(name, *options, *session, *oids).out
    return [parsed(part) for part in re.split(r"\n(?=\.\d)", output) if part.strip()]


def dotted(oid: Iterable[int]) -> str:
    """The dotted text of an object identifier: ``1.3.6.1`` for ``(1, 3, 6, 1)``."""
    return ".".join(map(str, oid))
