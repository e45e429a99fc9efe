# SPDX-License-Identifier: Apache-2.0
"""The front: the configuration of nginx, which is the only server that clients reach.

It is event-driven, so a slow client holds a connection but no thread of an API. It reads a request completely before an
API gets it, and takes an answer from the API before the client reads it.
"""
from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from flock.api.build import dialect_of, route_table
from flock.api.front import ASK_PATH, METHOD_HEADER, PATH_HEADER
from flock.api.routes import Route
from flock.conf import shared
from flock.core import slices
from sysinv.bootstrap.answers import NetworkAnswer
from sysinv.model.busaccounts import BUS_PORT
from sysinv.model.hostfiles import TLS_DIRECTORY

KEYSTONE_PORT = 5000
ROOMS = ("patching.vim",)
"""Parts of subsystems that have an API of their own, beside the main one."""
CONFIGURATION, CONNECTION_LIMIT = "/etc/flock/front.conf", "/etc/flock/front.nft"
CONNECTION_ENDS = "/etc/flock/front-ends.nft"
# Connections beside those to the APIs that anybody may begin on a controller.
SSH_PORT = 22
# Of one worker process of nginx, and of one client address (of one IPv6 network of 64 bits) to all ports together.
CONNECTIONS_MAX, ADDRESS_CONNECTIONS = 8192, 256
# New connections per second of one client address to the APIs: nginx pays for a TLS handshake five times what the
# client pays that begins it.
OPENS_PER_S, OPENS_BURST = 50, 500
# As many wait to be accepted as the kernel permits.
BACKLOG = 4096
# New connections per second of one client address to the message bus. The broker holds what comes in unfinished TLS
# handshakes, 256 KiB each, for the 5 s that they may take.
BUS_OPENS_PER_S, BUS_OPENS_BURST = 20, 100
# Bytes per second of one client address to the message bus. The broker reads commands faster than it carries them out,
# and each byte of them may cost it ten; a host's agents send some kilobytes a minute, and some megabytes once.
BUS_KBYTES_PER_S, BUS_BURST_KBYTES = 1024, 8192
# Names, addresses and boot files for hosts, and heartbeats; names and the message bus.
UNTRACKED_UDP, UNTRACKED_TCP = (53, 67, 69, 2103, 2106, 2113, 2116), (53, BUS_PORT)
# All other conversations over UDP that begin (time, SNMP): of one address, and from one network.
UDP_OPENS_PER_S, UDP_OPENS_BURST, UDP_OPENS_ALL = 20, 200, 2000
HEADER_S, BODY_PAUSE_S, SEND_PAUSE_S, IDLE_S = 10, 10, 30, 75
# An API replies within its own deadlines; the longest is that of an action on a host. Operations that wait longer, such
# as the check of an upload, say so in their routes (``reply_max_s``).
REPLY_S = 180
# In an upload: a pause of the client, and of the API, which waits for its disk.
UPLOAD_PAUSE_S, UPLOAD_DISK_S = 30, 300
BODY_BYTES_MAX = 1024 * 1024
# Requests that one client address or one token may have in work at the same time.
ADDRESS_SHARE, TOKEN_SHARE = 64, 32
# Requests without a token that all clients together may have in work at one API: fewer than it has threads.
STRANGERS_SHARE = 8
HEALTH_KEPT_S = 1
"""A health page is the same for everybody who asks within this time, so that no flood of questions reaches the API."""
# Logins per second of one client address; more wait, and are refused beyond the queue.
LOGINS_PER_S, LOGINS_WAITING = 10, 40
HEALTH_PATHS = ("/healthz", "/healthcheck")
HOSTS_FILES = {"patching": (("/feed/", f"{shared.SOFTWARE}/feed/"),)}
"""By subsystem, paths and directories of files for hosts, which have no token: only on loopback and management."""
TLS_CERTIFICATE, TLS_KEY = f"{TLS_DIRECTORY}/front.crt", f"{TLS_DIRECTORY}/front.key"
SAID = {
    400: "The request is not valid HTTP.", 401: "The request you have made requires authentication.",
    404: "The resource could not be found.", 408: "The request did not arrive in time.",
    413: "The request body is too long.", 414: "The request line is too long.",
    429: "Too many requests of this client are in work. Try again later.",
    494: "The request headers are too long.", 500: "The service does not answer. Try again later.",
    502: "The service does not answer. Try again later.", 503: "The service does not answer. Try again later.",
    504: "The service does not answer. Try again later.",
}
SHOWN = {494: 431, 500: 503, 502: 503, 504: 503}


@dataclass(frozen=True, slots=True)
class Published:
    """One API behind the front. ``streamed``: path templates and their largest body in bytes, passed on while it
    arrives, for as long as the API accepts its rate; ``patient``: path templates and the seconds that an answer may
    take; ``public``: path templates that need no token. ``checks_tokens``: the API answers the front's questions.
    ``files``: path prefixes and the directories of which hosts get files without a token. ``more_ports``: where it is
    served too."""

    name: str
    port: int
    socket: str
    streamed: tuple[tuple[str, int], ...] = ()
    patient: tuple[tuple[str, int], ...] = ()
    public: tuple[str, ...] = ()
    checks_tokens: bool = True
    files: tuple[tuple[str, str], ...] = ()
    more_ports: tuple[int, ...] = ()

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports at which it is served."""
        return (self.port, *self.more_ports)


@dataclass(frozen=True, slots=True)
class Listen:
    """An address of this host. ``installs``: only operations without a token are served, to installing hosts.
    ``hosts``: hosts reach it, and nobody from outside."""

    address: str
    tls: bool = True
    installs: bool = False
    hosts: bool = False

    def directive(self, port: int) -> str:
        """nginx's directive."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"listen {host}:{port} backlog={BACKLOG}{' ssl' if self.tls else ''};"


def published(subsystem: str) -> Published:
    """The API of an installed subsystem, or of one of ``ROOMS``, from its routes."""
    dialect = dialect_of(subsystem)
    routes = route_table(subsystem, dialect).routes
    name = subsystem.replace(".", "-")
    return Published(
        name, dialect.default_port, socket_path(f"{name}-api"),
        streamed=tuple((route.path, int(getattr(route.controller, "max_body_bytes", BODY_BYTES_MAX)))
                       for route in routes if getattr(route.controller, "streams_body", False)),
        patient=tuple((route.path, int(route.controller.reply_max_s))
                      for route in routes if hasattr(route.controller, "reply_max_s")),
        public=tuple(sorted(route.path for route in routes if _is_public(route))),
        files=HOSTS_FILES.get(subsystem, ()), more_ports=dialect.more_ports)


def _is_public(route: Route) -> bool:
    return any(route.is_public(method) for method in route.handlers)


def published_apis() -> list[Published]:
    """Keystone and the APIs of all installed subsystems."""
    keystone = Published("keystone", KEYSTONE_PORT, socket_path("keystone"), checks_tokens=False)
    return [keystone, *map(published, [*slices.subsystems(), *ROOMS])]


def listens(networks: Iterable[NetworkAnswer], hostname: str, plain_networks: Collection[str] = ()) -> list[Listen]:
    """Where a controller listens: loopback, management, OAM, and for installing hosts pxeboot.

    With TLS, except on ``plain_networks``.
    """
    made = [Listen("127.0.0.1", hosts=True)]
    for network in networks:
        if network.name in ("mgmt", "oam", "pxeboot"):
            addresses = dict.fromkeys(filter(None, (network.own_address(hostname), network.floating_address)))
            made += [Listen(address, tls=network.name not in plain_networks, installs=network.name == "pxeboot",
                            hosts=network.name == "mgmt")
                     for address in addresses]
    return made


def socket_path(service: str) -> str:
    """The unix socket of a service, in the runtime directory of its unit."""
    return f"/run/flock/{service}/api.sock"


def pattern(template: str) -> str:
    """nginx's regular expression for a path template, with or without a slash at the end."""
    parts = [".+" if part.endswith("+}") else "[^/]+" if part.startswith("{") else re.escape(part)
             for part in template.strip("/").split("/")]
    return "^/" + "/".join(parts) + "/?$" if template != "/" else "^/$"


def nginx_conf(listens: Sequence[Listen], apis: Iterable[Published], *, user: str = "www-data",
               run_dir: str = "/run/flock-front", cache_dir: str = "/var/cache/flock-front") -> str:
    """The whole configuration file."""
    known = list(apis)
    lines = [_HEAD.format(user=user, run_dir=run_dir, cache_dir=cache_dir, connections=CONNECTIONS_MAX,
                          header_s=HEADER_S, body_s=BODY_PAUSE_S, send_s=SEND_PAUSE_S, idle_s=IDLE_S, reply_s=REPLY_S,
                          body_max=BODY_BYTES_MAX, logins=LOGINS_PER_S)]
    for api in known:
        lines.append(f"    upstream {api.name} {{\n        server unix:{api.socket};\n        keepalive 32;\n"
                     f"        keepalive_timeout {IDLE_S - 15}s;\n    }}")
    for api in known:
        lines += _servers(api, listens)
    return "\n".join([*lines, "}", ""])


def connection_limit(apis: Iterable[Published]) -> str:
    """The script for nftables that refuses more than ``ADDRESS_CONNECTIONS`` connections of one client address, and
    lets it begin ``OPENS_PER_S``.

    nginx counts the requests of an address only once their headers are complete; until then a connection is free. To
    count connections the kernel tracks them, and refuses all new ones when its table is full. What this machine serves
    on ``UNTRACKED_UDP`` and ``UNTRACKED_TCP`` is therefore not tracked; nothing there is counted or translated. Other
    conversations over UDP begin at a limited rate. Of the message bus the first packets of connections are counted,
    and all bytes.
    """
    ports = ", ".join(str(port) for api in apis for port in api.ports)
    return _CONNECTION_LIMIT.format(ports=ports, most=ADDRESS_CONNECTIONS, api_opens=OPENS_PER_S, api_burst=OPENS_BURST,
                                    bus=BUS_PORT, opens=BUS_OPENS_PER_S, burst=BUS_OPENS_BURST,
                                    kbytes=BUS_KBYTES_PER_S, kbytes_burst=BUS_BURST_KBYTES,
                                    udp_opens=UDP_OPENS_PER_S, udp_burst=UDP_OPENS_BURST, udp_all=UDP_OPENS_ALL,
                                    udp=", ".join(map(str, UNTRACKED_UDP)), tcp=", ".join(map(str, UNTRACKED_TCP)))


def connection_ends(apis: Iterable[Published]) -> str:
    """The script for nftables that has the kernel forget an ended connection to an API or to SSH within seconds.

    It keeps one for two minutes, so 2,200 a second filled its table, and then nobody's connection began. A script of
    its own, because a kernel without this must not be without the limits.
    """
    ports = ", ".join(str(port) for port in (SSH_PORT, *(port for api in apis for port in api.ports)))
    return _CONNECTION_ENDS.format(ports=ports)


def _servers(api: Published, listens: Sequence[Listen]) -> list[str]:
    needed = [template for template in api.public if "{" in template]
    for_installs = [
        *(f"location ~ {pattern(template)} {{ {_HEADERS} proxy_pass http://{api.name}; }}" for template in needed),
        "location / { return 404; }"]
    made = []
    for tls in (False, True):
        alike = [listen for listen in listens if listen.tls == tls]
        for for_hosts in (True, False) if api.files else (False,):
            if chosen := [listen for listen in alike if not listen.installs
                          and (not api.files or listen.hosts == for_hosts)]:
                made.append(_server(api, chosen, [*(_files(api) if for_hosts else ()), *_everything(api)]))
        if needed and (chosen := [listen for listen in alike if listen.installs]):
            made.append(_server(api, chosen, for_installs))
    return made


def _files(api: Published) -> list[str]:
    return [f"location ^~ {prefix} {{ alias {directory}; default_type application/octet-stream; sendfile on; "
            "limit_except GET { deny all; } }" for prefix, directory in api.files]


def _server(api: Published, listens: Sequence[Listen], locations: Sequence[str]) -> str:
    body = [listen.directive(port) for port in api.ports for listen in listens]
    if listens[0].tls:
        body += [f"ssl_certificate {TLS_CERTIFICATE};", f"ssl_certificate_key {TLS_KEY};"]
    body += [f"limit_conn address {ADDRESS_SHARE};", f"limit_conn token {TOKEN_SHARE};"]
    if api.checks_tokens:
        body.append(f"limit_conn stranger {STRANGERS_SHARE};")
    for status, text in SAID.items():
        body.append(f"error_page {status} ={SHOWN.get(status, status)} /.front/said/{status};")
        body.append(f"location = /.front/said/{status} {{ internal; client_max_body_size 0; {_retry(status)}"
                    f"return {SHOWN.get(status, status)} '{_said(api, SHOWN.get(status, status), text)}'; }}")
    return "\n".join(["    server {", *(f"        {line}" for line in [*body, *locations]), "    }"])


def _retry(status: int) -> str:
    return "add_header Retry-After 5 always; " if status == 429 or SHOWN.get(status, status) == 503 else ""


def _said(api: Published, status: int, text: str) -> str:
    if api.checks_tokens:
        return json.dumps({"error_message": json.dumps({"faultstring": text})}).replace("\\", "\\\\")
    return json.dumps({"error": {"code": status, "title": "Refused by the front", "message": text}})


def _everything(api: Published) -> list[str]:
    to_api = f"proxy_pass http://{api.name};"
    lines = [f"location = {path} {{ proxy_read_timeout 5s; {_KEPT} {to_api} }}" for path in HEALTH_PATHS]
    if not api.checks_tokens:
        return [f"location / {{ limit_req zone=login burst={LOGINS_WAITING}; client_max_body_size 128k; {to_api} }}"]
    checked = f"auth_request {ASK_PATH}; {to_api}"
    streamed, patient = dict(api.streamed), dict(api.patient)
    lines += [f"location ~ {pattern(template)} {{ {_limits(streamed.get(template), patient.get(template))}{checked} }}"
              for template in dict.fromkeys([*streamed, *patient])]
    return [
        *lines,
        # The question has no body, and nginx measures the request's: its own location limits that.
        f"location = {ASK_PATH} {{ internal; client_max_body_size 0; {_HEADERS} proxy_pass_request_body off; "
        f"proxy_set_header Content-Length \"\"; proxy_set_header Transfer-Encoding \"\"; "
        f"proxy_set_header {METHOD_HEADER} $request_method; proxy_set_header {PATH_HEADER} $request_uri; "
        f"proxy_pass http://{api.name}{ASK_PATH}; }}",
        # 418 only leads to the other location; no client sees it. Inside the location it would replace all other pages.
        "error_page 418 = @body;",
        f"location / {{ if ($sends_body) {{ return 418; }} {to_api} }}",
        f"location @body {{ {checked} }}"]


def _limits(body_max: int | None, reply_s: int | None) -> str:
    """Directives of a location with limits of its own."""
    made = "" if reply_s is None else f"proxy_read_timeout {reply_s}s; "
    if body_max is not None:
        made += (f"client_max_body_size {body_max}; client_body_timeout {UPLOAD_PAUSE_S}s; "
                 f"proxy_send_timeout {UPLOAD_DISK_S}s; proxy_request_buffering off; ")
    return made


_CONNECTION_LIMIT = """\
# Written by flock-bootstrap.
table inet flock_front
delete table inet flock_front
table inet flock_front {{
    set addresses4 {{ type ipv4_addr; size 65535; flags dynamic; }}
    set addresses6 {{ type ipv6_addr; size 65535; flags dynamic; }}
    set openers4 {{ type ipv4_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set openers6 {{ type ipv6_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set callers4 {{ type ipv4_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set callers6 {{ type ipv6_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set senders4 {{ type ipv4_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set senders6 {{ type ipv6_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set askers4 {{ type ipv4_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set askers6 {{ type ipv6_addr; size 65535; flags dynamic, timeout; timeout 1m; }}
    set asked {{ type ifname; size 1024; flags dynamic, timeout; timeout 1m; }}
    chain arriving {{
        type filter hook prerouting priority raw; policy accept;
        fib daddr type {{ local, multicast, broadcast }} udp dport {{ {udp} }} notrack
        fib daddr type local tcp dport {{ {tcp} }} notrack
        fib daddr type local icmp type echo-request notrack
        fib daddr type local icmpv6 type echo-request notrack
    }}
    chain leaving {{
        type filter hook output priority raw; policy accept;
        udp sport {{ {udp} }} notrack
        tcp sport {{ {tcp} }} notrack
        icmp type echo-reply notrack
        icmpv6 type echo-reply notrack
        # A controller reaches its own APIs also when the table is full.
        oifname "lo" tcp dport {{ {tcp}, {ports} }} notrack
        oifname "lo" tcp sport {{ {ports} }} notrack
    }}
    chain input {{
        type filter hook input priority filter; policy accept;
        iifname "lo" accept
        # Whatever is asked at a port that nobody serves would have a place in the table for half a minute.
        meta l4proto udp ct state new jump asking
        # Forged addresses would fill the sets below, and then nobody has a limit; one of a client on another network
        # would use up what that client may have.
        tcp dport {{ {bus}, {ports} }} fib saddr . iif oif missing drop
        tcp dport {bus} tcp flags & (fin | syn | rst | ack) == syn jump calling
        tcp dport {bus} jump sending
        tcp dport {{ {ports} }} ct state new jump opened
    }}
    chain asking {{
        update @askers4 {{ ip saddr limit rate over {udp_opens}/second burst {udp_burst} packets }} drop
        update @askers6 {{ ip6 saddr limit rate over {udp_opens}/second burst {udp_burst} packets }} drop
        update @asked {{ iifname limit rate over {udp_all}/second burst {udp_all} packets }} drop
    }}
    chain calling {{
        update @callers4 {{ ip saddr limit rate over {opens}/second burst {burst} packets }} drop
        update @callers6 {{ ip6 saddr limit rate over {opens}/second burst {burst} packets }} drop
    }}
    chain sending {{
        update @senders4 {{ ip saddr limit rate over {kbytes} kbytes/second burst {kbytes_burst} kbytes }} drop
        update @senders6 {{ ip6 saddr limit rate over {kbytes} kbytes/second burst {kbytes_burst} kbytes }} drop
    }}
    chain opened {{
        add @addresses4 {{ ip saddr ct count over {most} }} reject with tcp reset
        add @addresses6 {{ ip6 saddr & ffff:ffff:ffff:ffff:: ct count over {most} }} reject with tcp reset
        update @openers4 {{ ip saddr limit rate over {api_opens}/second burst {api_burst} packets }} drop
        update @openers6 {{ ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over {api_opens}/second burst {api_burst} \
packets }} drop
    }}
}}
"""
_CONNECTION_ENDS = """\
# Written by flock-bootstrap.
table inet flock_front_ends
delete table inet flock_front_ends
table inet flock_front_ends {{
    ct timeout brief4 {{
        protocol tcp
        l3proto ip
        policy = {{ syn_recv : 10, fin_wait : 10, close_wait : 10, last_ack : 5, time_wait : 5, close : 2 }}
    }}
    ct timeout brief6 {{
        protocol tcp
        l3proto ip6
        policy = {{ syn_recv : 10, fin_wait : 10, close_wait : 10, last_ack : 5, time_wait : 5, close : 2 }}
    }}
    chain arriving {{
        type filter hook prerouting priority mangle; policy accept;
        meta nfproto ipv4 tcp dport {{ {ports} }} ct timeout set "brief4"
        meta nfproto ipv6 tcp dport {{ {ports} }} ct timeout set "brief6"
    }}
}}
"""
_HEADERS = ("proxy_set_header Host $http_host; proxy_set_header Connection \"\"; "
         "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;")
# A limit of its own: the strangers' would be used up by those who send nothing.
_KEPT = (f"limit_conn address {ADDRESS_SHARE}; proxy_cache health; proxy_cache_key $proxy_host$uri; "
         f"proxy_cache_valid any {HEALTH_KEPT_S}s; proxy_cache_lock on; proxy_cache_lock_timeout 5s; "
         "proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;")
_HEAD = """\
# Written by flock-bootstrap.
user {user} {user};
worker_processes 2;
worker_rlimit_nofile 20000;
worker_shutdown_timeout 10s;
error_log stderr warn;
pid {run_dir}/nginx.pid;
events {{
    worker_connections {connections};
}}
http {{
    access_log off;
    log_not_found off;
    server_tokens off;
    default_type application/json;
    client_body_temp_path {cache_dir}/body;
    proxy_temp_path {cache_dir}/proxy;
    fastcgi_temp_path {cache_dir}/unused;
    uwsgi_temp_path {cache_dir}/unused;
    scgi_temp_path {cache_dir}/unused;
    # A whole header within this time; a pause in a body or in an answer of at most this long.
    client_header_timeout {header_s}s;
    client_body_timeout {body_s}s;
    send_timeout {send_s}s;
    keepalive_timeout {idle_s}s;
    reset_timedout_connection on;
    client_max_body_size {body_max};
    # Longer than any valid token, so that the API refuses an overlong one with 401.
    large_client_header_buffers 4 32k;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:2m;
    # The end of a token is its signature; all of it would fill the zone sooner.
    map $http_x_auth_token $token {{
        default $http_x_auth_token;
        "~(?<token_end>.{{64}})$" $token_end;
    }}
    # Every POST to Keystone counts as a login: it accepts several spellings of a path, and a password in several paths.
    map $request_method $login {{
        default "";
        POST $binary_remote_addr;
    }}
    map "$http_content_length:$http_transfer_encoding" $sends_body {{
        default 1;
        ":" "";
        "0:" "";
    }}
    limit_conn_zone $binary_remote_addr zone=address:8m;
    limit_conn_zone $token zone=token:8m;
    map $http_x_auth_token $stranger {{
        default "";
        "" $server_port;
    }}
    limit_conn_zone $stranger zone=stranger:1m;
    proxy_cache_path {cache_dir}/health keys_zone=health:1m max_size=1m inactive=1m;
    limit_req_zone $login zone=login:8m rate={logins}r/s;
    limit_conn_status 429;
    limit_req_status 429;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 5s;
    proxy_read_timeout {reply_s}s;
    proxy_buffer_size 32k;
    proxy_buffers 32 32k;
    proxy_busy_buffers_size 64k;
    proxy_max_temp_file_size 256m;
"""
