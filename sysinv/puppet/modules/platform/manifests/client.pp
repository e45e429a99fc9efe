# SPDX-License-Identifier: Apache-2.0
# Settings of the command lines on a controller, for those who log in from now on.
class platform::client {
  include platform::client::params

  file { '/etc/profile.d/flock-client.sh':
    content => "# Written by the platform's configuration; changes are lost.\nexport CLI_CONFIRMATIONS=${platform::client::params::cli_confirmations}\n",
    mode    => '0644',
  }
}
