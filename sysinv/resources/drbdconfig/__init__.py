# SPDX-License-Identifier: Apache-2.0
"""DRBD's settings: stored for StarlingX's clients. The platform directory is mirrored without DRBD."""
