# SPDX-License-Identifier: Apache-2.0
"""Command lines: cliff commands, output formats, OS_* authentication."""
