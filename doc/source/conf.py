# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent / "_ext")]

project = "The flock"
copyright = "the flock maintainers, Apache License 2.0"  # noqa: A001
extensions = ["reno.sphinxext", "flock_reference", "flock_machine"]
exclude_patterns: list[str] = []
html_theme = "alabaster"
html_theme_options = {
    "description": "Bare servers in, a managed, self-healing edge cloud out.",
    "fixed_sidebar": True,
    "page_width": "1100px",
    "sidebar_width": "240px",
}
html_show_sourcelink = False
highlight_language = "none"
smartquotes = False
nitpicky = True
