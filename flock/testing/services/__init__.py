# SPDX-License-Identifier: Apache-2.0
"""Real services for tests: RabbitMQ, PostgreSQL, memcached, Keystone; private folders, free ports, bounded waits."""
