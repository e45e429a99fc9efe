# SPDX-License-Identifier: Apache-2.0
"""The connection to the machine's service manager."""
