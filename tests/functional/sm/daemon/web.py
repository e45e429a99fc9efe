# SPDX-License-Identifier: Apache-2.0
"""A tiny web server as a service: ``web.py start|stop|monitor``. Everybody who asks gets the name of its node.

While it serves, it adds the monotonic time to a log of its node every 10 ms: at these moments it was active.
"""
from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

NODE, FOLDER, ADDRESS = os.environ["NODE"], Path(os.environ["FOLDER"]), os.environ["ADDRESS"]
PID_FILE, LOG = FOLDER / f"{NODE}.pid", FOLDER / f"{NODE}.alive"


def running() -> int | None:
    try:
        pid = int(PID_FILE.read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return None
    return pid if state != "Z" else None


def serve(listening: socket.socket) -> None:
    def live() -> None:
        with LOG.open("a") as log:
            while True:
                log.write(f"{time.monotonic()}\n")
                log.flush()
                time.sleep(0.01)

    threading.Thread(target=live, daemon=True).start()
    text = NODE.encode()
    while True:
        talk, _ = listening.accept()
        try:
            with talk:
                talk.settimeout(1)
                talk.recv(1000)
                talk.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        except OSError:
            continue


def start() -> int:
    if running() is not None:
        return 0
    listening = socket.create_server((ADDRESS, 8080))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        serve(listening)
    PID_FILE.write_text(f"{pid}\n")
    return 0


def stop() -> int:
    pid = running()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        while running() is not None:
            time.sleep(0.005)
    PID_FILE.unlink(missing_ok=True)
    return 0


def monitor() -> int:
    return 0 if running() is not None else 7


if __name__ == "__main__":
    sys.exit({"start": start, "stop": stop, "monitor": monitor}[sys.argv[1]]())
