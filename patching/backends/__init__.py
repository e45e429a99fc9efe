# SPDX-License-Identifier: Apache-2.0
"""Package technologies by which software reaches a host, all behind one interface."""
