# SPDX-License-Identifier: Apache-2.0
"""OSDs and journal disks of hosts; ``istors`` on the wire."""
