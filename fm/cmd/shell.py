# SPDX-License-Identifier: Apache-2.0
"""``fm``: the command line of fm."""
from __future__ import annotations

import sys

from flock.cli.errors import ApiError
from flock.cli.shell import Program, run


def sentence(problem: ApiError) -> str:
    """The message of an API error in the format of StarlingX's ``fm``, with the server's text if it sent one."""
    if problem.status == 403:
        return "Error: Forbidden."
    if problem.status < 500:
        return problem.text
    request = f" (Request-ID: {problem.request_id})" if problem.request_id else ""
    return f"HTTP Server Error (HTTP {problem.status}){request}{f': {problem.text}' if problem.from_server else ''}"


PROGRAM = Program(
    name="fm", description="Alarms and events of the cloud", api_name="fault", service_type="faultmanagement",
    url_option="--fm-url", url_env="FM_URL", env_prefix="FMCLIENT", resources=("fm.resources",),
    cache_name="fmclient", sentence=sentence)


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(PROGRAM))


if __name__ == "__main__":
    main()
