# SPDX-License-Identifier: Apache-2.0
"""Signed files that bring releases: read with distrust, and made."""
