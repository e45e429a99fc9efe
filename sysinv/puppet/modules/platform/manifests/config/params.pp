# SPDX-License-Identifier: Apache-2.0
# Settings that all hosts of the system share.
class platform::config::params (
  String $timezone = 'UTC',
) {
}
