# SPDX-License-Identifier: Apache-2.0
"""The command `lab` on a lab of the test's own, with its own state folder and name prefix, beside any other lab."""
import json
import os
import subprocess
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LAB = REPO / "devstack" / "lab"
IMAGES = os.environ.get("FLOCK_LAB_IMAGE", "/var/lib/flock-lab/image")


class Lab:
    """The command, as a person uses it."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.state = Path(f"/var/tmp/flock-{prefix}")

    def run(self, *words, check=True, timeout=180, **options):
        argv = [str(LAB), "--state-dir", str(self.state), "--prefix", self.prefix, "--image-dir", IMAGES, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, **options)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def json(self, *words, **options):
        return json.loads(self.run("--json", *words, **options).stdout)

    def sh(self, host, script, check=True):
        return self.run("exec", host, "--", "sh", "-c", script, check=check)

    def host(self, name):
        return next(host for host in self.json("status")["hosts"] if host["name"] == name)

    def until(self, probe, what, timeout_s=30):
        end = time.monotonic() + timeout_s
        while not probe():
            assert time.monotonic() < end, f"{what} did not come true: {self.run('status').stdout}"
            time.sleep(0.2)

    def reaches(self, source, address, count=1):
        """How many of some quick pings came back."""
        done = self.sh(source, f"ping -q -c {count} -i 0.01 -W 1 {address}", check=False)
        words = [line for line in done.stdout.splitlines() if "received" in line][0].split()
        return int(words[words.index("received,") - 1])
