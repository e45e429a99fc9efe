# SPDX-License-Identifier: Apache-2.0
"""Static routes over the interfaces of hosts."""
