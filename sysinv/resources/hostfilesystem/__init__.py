# SPDX-License-Identifier: Apache-2.0
"""File systems of hosts for the platform and what runs on it."""
