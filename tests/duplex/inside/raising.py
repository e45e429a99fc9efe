# SPDX-License-Identifier: Apache-2.0
"""Raises an alarm every so many seconds through a spool, until it is told to stop: ``raising.py SECONDS FOLDER``.

``FOLDER/accepted`` has the number of each alarm that the spool has taken, on the disk before the next one is raised.
Ends when ``FOLDER/stop`` is there and everything has been delivered: 0, or 1 if that does not come about.
"""
import os
import sys
import time
from pathlib import Path

from oslo_config import cfg

from flock.conf import setup
from flock.rpc import transport
from fm.raiser import Raiser

DELIVERY_S = 180


def main():
    period_s, folder = float(sys.argv[1]), Path(sys.argv[2])
    setup("lab-test", "fm", [])
    raiser = Raiser(transport(cfg.CONF), folder / "spool")
    number = 0
    with (folder / "accepted").open("a") as accepted:
        while not (folder / "stop").exists():
            raiser.raise_alarm(alarm_id="100.103", entity_instance_id=f"host=worker-0.memory=endurance{number}",
                               severity="minor", reason_text="raised during failovers")
            accepted.write(f"{number}\n")
            accepted.flush()
            os.fsync(accepted.fileno())
            number += 1
            time.sleep(period_s)
    delivered = raiser.flush(timeout_s=DELIVERY_S)
    raiser.close()
    return 0 if delivered else 1


if __name__ == "__main__":
    sys.exit(main())
