# SPDX-License-Identifier: Apache-2.0
# Sends the logs of the host to a server, by rsyslog.
class platform::remotelogging {
  include platform::remotelogging::params
  $enabled = $platform::remotelogging::params::enabled
  $file = '/etc/rsyslog.d/60-flock-remote.conf'

  Exec {
    path => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  }
  if $enabled {
    file { '/etc/rsyslog.d':
      ensure => directory,
      mode   => '0755',
    }
    file { $file:
      content => epp('platform/remotelogging.epp', {
        'server'    => $platform::remotelogging::params::ip_address,
        'port'      => $platform::remotelogging::params::port,
        'transport' => $platform::remotelogging::params::transport,
        'key_file'  => $platform::remotelogging::params::key_file,
      }),
      mode    => '0644',
      notify  => Exec['restart the log service'],
    }
    # Otherwise nobody would see that no logs are sent.
    $driver = $platform::remotelogging::params::transport ? {
      'tls'   => 'ls /usr/lib/*/rsyslog/lmnsd_gtls.so',
      default => 'true',
    }
    exec { 'rsyslog is installed (for tls with rsyslog-gnutls)':
      command => 'false',
      unless  => "test -x /usr/sbin/rsyslogd && ${driver}",
      provider => shell,
    }
  } else {
    file { $file:
      ensure => absent,
      notify => Exec['restart the log service'],
    }
  }
  exec { 'restart the log service':
    command     => 'systemctl try-restart rsyslog',
    onlyif      => 'test -x /usr/sbin/rsyslogd',
    refreshonly => true,
  }
}
