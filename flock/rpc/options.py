# SPDX-License-Identifier: Apache-2.0
"""Options of the bus, and this project's defaults for oslo.messaging's options."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

from flock.conf.options import RUN_DIR
from flock.foreign.messaging import hidden_options
from flock.rpc.accounts import EXCHANGE
from flock.rpc.messaging import messaging_options

GROUP = cfg.OptGroup("rpc", title="Remote calls over the message bus")

OPTIONS = [
    cfg.IntOpt("calls_in_flight_max", default=64, min=1,
               help="Calls of one process that may wait for a reply at the same time; others are refused at once."),
    cfg.IntOpt("payload_max_bytes", default=8 * 1024 * 1024, min=1024,
               help="Largest request or reply, encoded as JSON."),
    cfg.IntOpt("cast_timeout_s", default=5, min=1,
               help="Seconds within which the broker must accept a message that expects no reply."),
    cfg.IntOpt("echo_interval_s", default=5, min=1, max=300,
               help="Seconds between the messages that a server sends to its own topics. When they do not arrive for "
                    "three intervals, and at least 10 seconds, it makes its queues and bindings again."),
    cfg.StrOpt("exchange", default=EXCHANGE, help="Exchange of all topics; the broker's definitions declare it."),
    cfg.IntOpt("host_messages_per_s", default=100, min=1,
               help="Messages per second that one host may send to this process for long. What exceeds it is refused, "
                    "and the host sends it again later; other hosts are not affected."),
    cfg.IntOpt("host_messages_burst", default=1000, min=10,
               help="Messages that one host may send at once."),
    cfg.IntOpt("host_bytes_per_s", default=4 * 1024 * 1024, min=65536,
               help="Bytes per second that one host may send to this process for long."),
    cfg.IntOpt("host_bytes_burst", default=64 * 1024 * 1024, min=8 * 1024 * 1024,
               help="Bytes that one host may send at once; at least one message of the largest size."),
    cfg.IntOpt("host_requests_per_s", default=500, min=1,
               help="Requests per second that one host may send for long in messages that carry many, such as raises "
                    "and clears. What exceeds it is refused, and the host sends it again later."),
    cfg.IntOpt("host_requests_burst", default=10_000, min=500,
               help="Requests that one host may send at once in messages that carry many."),
    cfg.FloatOpt("host_seconds_per_s", default=4, min=0.1,
                 help="Seconds per second for which the threads of this process may work for one host for long. What "
                      "exceeds it is refused, and the host sends it again later."),
    cfg.FloatOpt("host_seconds_burst", default=120, min=30,
                 help="Seconds for which the threads of this process may work for one host at once."),
    cfg.StrOpt("reply_locks_dir", default="$run_dir/bus",
               help="Directory of the locks by which the programs of a host share the reply queues of its account."),
]

# Retry after one second instead of thirty, and limit how many messages one consumer prefetches.
RABBIT_DEFAULTS: dict[str, Any] = {
    "rabbit_interval_max": 1,
    "rabbit_retry_interval": 1,
    "rabbit_retry_backoff": 1,
    "kombu_reconnect_delay": 0.2,
    "rabbit_qos_prefetch_count": 32,
    "heartbeat_timeout_threshold": 30,
    "heartbeat_rate": 3,
}


def register(conf: cfg.ConfigOpts) -> None:
    """Register the bus options in ``conf``; may be called more than once."""
    conf.register_opt(RUN_DIR)
    conf.register_group(GROUP)
    conf.register_opts(OPTIONS, group=GROUP)
    for group, options in hidden_options().items():
        conf.register_opts(options, group=group)
    for group, options in messaging_options.list_opts():
        if group is None:
            # set_transport_defaults would change the default of the whole process.
            conf.register_opts([option for option in options if option.dest == "control_exchange"])
            conf.set_default("control_exchange", "flock")
        if group == "oslo_messaging_rabbit":
            conf.register_opts(options, group=group)
            names = {option.dest for option in options}
            for name, value in RABBIT_DEFAULTS.items():
                if name in names:
                    conf.set_default(name, value, group=group)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """``[(group, options)]`` for the sample configuration generator."""
    return [("rpc", OPTIONS)]
