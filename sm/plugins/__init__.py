# SPDX-License-Identifier: Apache-2.0
"""What starts, stops and looks at services: one module for each kind of plug-in, and what runs them."""
