# SPDX-License-Identifier: Apache-2.0
"""Work outside of requests: stored operations, periodic tasks, worker threads, bounded pools."""
