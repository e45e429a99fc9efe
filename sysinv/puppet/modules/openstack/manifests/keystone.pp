# SPDX-License-Identifier: Apache-2.0
# Settings of Keystone on a controller. It reads the files of this directory after its own.
class openstack::keystone {
  include openstack::keystone::params
  $expiration = $openstack::keystone::params::token_expiration
  $lines = $expiration ? { Undef => '', default => "[token]\nexpiration = ${expiration}\n" }

  file { '/etc/keystone/keystone.conf.d':
    ensure => directory,
    mode   => '0755',
  }
  file { '/etc/keystone/keystone.conf.d/50-flock.conf':
    ensure  => $lines ? { '' => absent, default => file },
    content => "# Written by the platform's configuration; changes are lost.\n${lines}",
    mode    => '0644',
    notify  => Exec['restart Keystone'],
  }
  exec { 'restart Keystone':
    command     => 'systemctl try-restart flock-keystone',
    path        => ['/usr/bin', '/bin'],
    refreshonly => true,
  }
}
