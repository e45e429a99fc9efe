# SPDX-License-Identifier: Apache-2.0
# Settings of the command lines.
class platform::client::params (
  Enum['enabled', 'disabled'] $cli_confirmations = 'disabled',
) {
}
