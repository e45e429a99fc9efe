# SPDX-License-Identifier: Apache-2.0
# The time service of the host, chrony. A host without chrony only gets the file.
class platform::ntp (
  Array[String] $servers = [],
  # Subnets of hosts that may ask this one.
  Array[String] $serves  = [],
) {
  $asked = $servers.map |$server| { "server ${server} iburst\n" }
  $asking = $serves.map |$subnet| { "allow ${subnet}\n" }
  # Hosts follow a controller also while no server answers.
  $alone = empty($serves) ? { true => '', default => "local stratum 10\n" }

  file { ['/etc/chrony', '/etc/chrony/conf.d']:
    ensure => directory,
    mode   => '0755',
  }
  file { '/etc/chrony/conf.d/flock.conf':
    content => "# Written by the platform's configuration; changes are lost.\n${join($asked, '')}${join($asking, '')}${alone}",
    mode    => '0644',
    notify  => Exec['restart the time service'],
  }
  exec { 'restart the time service':
    command     => 'systemctl try-restart chrony',
    onlyif      => 'test -x /usr/sbin/chronyd',
    path        => ['/usr/sbin', '/usr/bin', '/bin'],
    refreshonly => true,
  }
}
