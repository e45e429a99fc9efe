# SPDX-License-Identifier: Apache-2.0
"""A program that writes numbers, and prints each when its commit was acknowledged."""
from __future__ import annotations

import sys
import time

import psycopg2


def write(dsn: str, number: int) -> None:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    while True:
        cursor.execute("INSERT INTO writes VALUES (%s)", (number,))
        print(number, flush=True)
        number += 1
        time.sleep(0.005)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
