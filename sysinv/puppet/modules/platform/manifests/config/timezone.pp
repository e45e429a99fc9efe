# SPDX-License-Identifier: Apache-2.0
# The time zone of the host.
class platform::config::timezone {
  include platform::config::params
  $timezone = $platform::config::params::timezone

  file { '/etc/localtime':
    ensure => link,
    target => "/usr/share/zoneinfo/${timezone}",
  }
  file { '/etc/timezone':
    content => "${timezone}\n",
    mode    => '0644',
  }
}
