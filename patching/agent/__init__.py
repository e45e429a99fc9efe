# SPDX-License-Identifier: Apache-2.0
"""On every host: installs what the conductor orders, and tells what the host runs."""
