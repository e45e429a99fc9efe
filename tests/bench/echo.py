# SPDX-License-Identifier: Apache-2.0
"""The answering process of the RPC benchmark: the same work behind plain oslo.messaging and behind flock.rpc."""
from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

from flock.rpc import Server, call, rpc_interface, transport
from flock.rpc.messaging import oslo_messaging
from flock.testing.fixtures import private_conf

PLAIN_TOPIC = "bench.plain"


@dataclass(frozen=True, slots=True)
class Thing:
    """About what a call between services carries."""

    uuid: str
    hostname: str
    administrative: str
    sequence: int
    task: str | None = None


@rpc_interface(topic="bench.typed", version="1.0", speaks_for="system", callers=("tests",))
class Echo:
    """Gives back what it gets."""

    @call(timeout_s=10)
    def echo(self, *, thing: Thing) -> Thing:
        """The same again."""
        raise TypeError("interface")


class Typed:
    """Behind our layer."""

    def echo(self, *, thing: Thing) -> Thing:
        """The same again."""
        return thing


class Plain:
    """Behind oslo.messaging alone, with the JSON text that services of OpenStack would send as a dict."""

    def echo(self, _context: dict[str, object], body: str) -> str:
        """The same again."""
        return json.dumps(json.loads(body))


def plain_transport(url: str) -> Any:
    """oslo.messaging as it comes; with the global configuration, the only one it knows."""
    cfg.CONF([], default_config_files=[], default_config_dirs=[])
    return oslo_messaging.get_rpc_transport(cfg.CONF, url=url)


def serve(url: str) -> None:
    """Serve both until SIGTERM."""
    target = oslo_messaging.Target(exchange=PLAIN_TOPIC, topic=PLAIN_TOPIC, server="bench")
    plain = oslo_messaging.get_rpc_server(plain_transport(url), target, [Plain()], executor="threading",
                                          access_policy=oslo_messaging.DefaultRPCAccessPolicy)
    plain.start()
    typed = Server(transport(private_conf(), url), "bench", {Echo: Typed()})
    typed.start(30)
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM})
    typed.stop()
    plain.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    serve(sys.argv[1])
