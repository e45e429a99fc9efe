# SPDX-License-Identifier: Apache-2.0
"""The one system object: name, mode, location."""
