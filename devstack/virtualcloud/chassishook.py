# SPDX-License-Identifier: Apache-2.0
"""Called by ipmi_sim for power and boot requests; forwards them to the lab's daemon. Uses the standard library only.

chassishook.py SOCKET HOST get NAME... | set NAME VALUE...      prints `name:value` lines for get
"""

import json
import socket
import sys


def main(argv: list[str]) -> int:
    """Send the request to the daemon; returns 0 when it succeeded."""
    path, host, verb, *rest = argv
    # ipmi_sim puts its own state folder between the configured command and the verb in some versions
    request = {"op": "ipmi", "host": host, "verb": verb, "arguments": rest}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(20)
        stream.connect(path)
        stream.sendall(json.dumps(request).encode() + b"\n")
        with stream.makefile("r", encoding="utf-8") as lines:
            answer = json.loads(lines.readline())
    for name, value in answer.get("result", {}).items():
        sys.stdout.write(f"{name}:{value}\n")
    return 0 if "result" in answer else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
