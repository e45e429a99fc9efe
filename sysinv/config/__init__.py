# SPDX-License-Identifier: Apache-2.0
"""The configuration engine: what each host should have, what it has, and the data from which Puppet makes it."""
