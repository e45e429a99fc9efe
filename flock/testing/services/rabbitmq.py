# SPDX-License-Identifier: Apache-2.0
"""One RabbitMQ node with a separate epmd; tests can kill, freeze and restart it."""
from __future__ import annotations

import signal
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import amqp

from flock.exec import run
from flock.rpc.accounts import EXCHANGE, FRAME_BYTES_MAX
from flock.testing.services.process import Process, ServiceFailed, find_program, free_port, port_open, wait_for

PROGRAMS = "/usr/lib/rabbitmq/bin"
SERVES_S = 120.0
"""How long a test waits for a server of the bus to be ready: a broker that has just started on a busy machine closes
the first connections."""
USER, PASSWORD = "service.tests", "flock"  # noqa: S105 - a broker on a private loopback port during a test

CONFIGURATION = """\
listeners.tcp.default = 127.0.0.1:{port}
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 50MB
log.file.level = warning
default_user = {user}
default_pass = {password}
heartbeat = 60
frame_max = {frame_max}
"""

MANAGEMENT = """\
management.tcp.ip = 127.0.0.1
management.tcp.port = {port}
management_agent.disable_metrics_collector = true
"""


def declare_exchange(url: str, name: str = EXCHANGE) -> None:
    """Make the exchange of the topics, as the broker's definitions do. OSError without a broker."""
    parts = urlsplit(url)
    with amqp.Connection(f"{parts.hostname}:{parts.port}", userid=parts.username, password=parts.password,
                         virtual_host=parts.path[1:] or "/", connect_timeout=5) as connection:
        connection.channel().exchange_declare(name, "topic", durable=True, auto_delete=False)


class RabbitNode:
    """A node at ``url`` (its transport_url). The constructor does not start it, so tests can begin without a broker.

    With ``management``, it also serves its management API, at ``admin_url``.
    """

    def __init__(self, folder: Path, *, management: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.account, self.password = USER, PASSWORD
        self.url = f"rabbit://{USER}:{PASSWORD}@127.0.0.1:{self.port}/"
        self._dist_port = free_port()
        self._epmd_port = free_port()
        self._server = find_program("rabbitmq-server", PROGRAMS)
        self._control = find_program("rabbitmqctl", PROGRAMS)
        self._vhosts: list[str] = []
        self._node: Process | None = None
        self._epmd: Process | None = None
        for name in ("mnesia", "log", "home"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._admin_port = free_port()
        self.admin_url = f"http://127.0.0.1:{self._admin_port}" if management else ""
        text = CONFIGURATION.format(port=self.port, user=USER, password=PASSWORD, frame_max=FRAME_BYTES_MAX)
        if management:
            text += MANAGEMENT.format(port=self._admin_port)
        (folder / "rabbitmq.conf").write_text(text)
        (folder / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_top].\n" if management else "[].\n")

    @staticmethod
    def available() -> bool:
        """True when RabbitMQ is installed."""
        return find_program("rabbitmq-server", PROGRAMS) is not None and find_program("epmd") is not None

    def start(self, timeout_s: float = 120.0) -> None:
        """Start the node, or restart it with its stored data; returns when it accepts connections."""
        epmd = find_program("epmd")
        if self._server is None or self._control is None or epmd is None:
            raise ServiceFailed("rabbitmq-server is not installed")
        if self._epmd is None:
            arguments = [epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = Process("epmd", arguments, self.folder)
            self._epmd.wait_until(lambda: port_open(self._epmd_port), 10, "epmd to listen")
        self._node = Process("rabbitmq", [self._server], self.folder, env=self._environment())
        self._node.wait_until(self._answers, timeout_s, "RabbitMQ to let its user in")
        if self.admin_url:
            self._node.wait_until(lambda: port_open(self._admin_port), timeout_s, "the management API to listen")
        declare_exchange(self.url)

    def new_vhost_url(self) -> str:
        """The transport_url of an unused virtual host; tests need separate ones because topics name the queues.

        Creates ten at a time, because the control program takes almost a second to start.
        """
        if not self._vhosts:
            self._vhosts = [f"v{uuid.uuid4().hex}" for _ in range(10)]
            all_of_it = '<<".*">>, <<".*">>, <<".*">>'
            grants = " ".join(
                f'rabbit_vhost:add(<<"{name}">>, <<"tests">>), rabbit_auth_backend_internal:set_permissions('
                f'<<"{USER}">>, <<"{name}">>, {all_of_it}, <<"tests">>),' for name in self._vhosts)
            self.control("eval", f"{grants} ok.")
        vhost = self._vhosts.pop()
        declare_exchange(self.url + vhost)
        return self.url + vhost

    def kill(self) -> None:
        """Kill the node like a power failure."""
        if self._node is not None:
            self._node.kill()
            wait_for(lambda: not port_open(self.port), 30, "RabbitMQ to be dead")

    def freeze(self) -> None:
        """Suspend the node: connections stay open, but it does not respond. Returns when its threads stand still."""
        if self._node is None:
            return
        self._node.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self._node.pid}/task")
        wait_for(lambda: all("\nState:\tT" in (thread / "status").read_text() for thread in threads.iterdir()), 10,
                 "the node to stand still")

    def thaw(self) -> None:
        """Resume the node after ``freeze``."""
        if self._node is not None:
            self._node.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill node and epmd; their data is not used again."""
        for process in (self._node, self._epmd):
            if process is not None:
                process.kill()
        self._node = self._epmd = None

    def control(self, *arguments: str, timeout_s: float = 90.0) -> str:
        """Run rabbitmqctl; returns its output."""
        return run(self.control_command(*arguments), timeout_s=timeout_s).out

    def control_command(self, *arguments: str) -> tuple[str, ...]:
        """The argument list that runs rabbitmqctl for this node, also by another program."""
        return ("env", *(f"{name}={value}" for name, value in self._environment().items()), str(self._control), "-q",
                "-n", self._node_name(), *arguments)

    def _answers(self) -> bool:
        if not port_open(self.port):
            return False
        connection = amqp.Connection(f"127.0.0.1:{self.port}", userid=USER, password=PASSWORD, connect_timeout=5,
                                     read_timeout=5)
        try:
            connection.connect()
        except (OSError, amqp.AMQPError):
            return False
        finally:
            connection.close()
        return True

    def _node_name(self) -> str:
        return f"flock{self.port}@localhost"

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder / "home"),
            # Makes the start script exec the broker instead of supervising it, so that signals reach the broker.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_NODENAME": self._node_name(),
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Two schedulers without busy waiting, because many tests share few cores.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
