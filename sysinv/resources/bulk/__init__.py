# SPDX-License-Identifier: Apache-2.0
"""Addition of many hosts from one file, and the export of such a file."""
