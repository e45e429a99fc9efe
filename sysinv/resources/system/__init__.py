# SPDX-License-Identifier: Apache-2.0
"""The system object: name, mode, location."""
