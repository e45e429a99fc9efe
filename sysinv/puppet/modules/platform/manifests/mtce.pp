# SPDX-License-Identifier: Apache-2.0
# Settings of host maintenance on a controller.
class platform::mtce {
  include platform::mtce::params
  $worker = $platform::mtce::params::worker_boot_timeout
  $settings = {
    'timers'    => {
      'worker_boot_timeout_s'     => $worker,
      'storage_boot_timeout_s'    => $worker,
      'controller_boot_timeout_s' => $platform::mtce::params::controller_boot_timeout,
    },
    'recovery'  => {
      'heartbeat_failure_action' => $platform::mtce::params::heartbeat_failure_action,
    },
    'heartbeat' => {
      'period_ms'         => $platform::mtce::params::heartbeat_period,
      'failure_threshold' => $platform::mtce::params::heartbeat_failure_threshold,
      'degrade_threshold' => $platform::mtce::params::heartbeat_degrade_threshold,
    },
  }

  file { '/etc/flock/mtce.d':
    ensure => directory,
    mode   => '0755',
  }
  # Each program is told of its own settings only: a restart of the heartbeat is not for nothing.
  $programs = {
    'conductor' => ['timers', 'recovery'],
    'heartbeat' => ['heartbeat'],
  }
  $programs.each |$program, $sections| {
    $lines = $sections.map |$section| {
      $given = $settings[$section].filter |$name, $value| { $value !~ Undef }
      $pairs = $given.map |$name, $value| { "${name} = ${value}\n" }
      empty($given) ? { true => '', default => "[${section}]\n${join($pairs, '')}" }
    }
    file { "/etc/flock/mtce.d/50-flock-${program}.conf":
      ensure  => join($lines, '') ? { '' => absent, default => file },
      content => "# Written by the platform's configuration; changes are lost.\n${join($lines, '')}",
      mode    => '0644',
      notify  => Exec["tell mtce-${program}"],
    }
  }
  Exec {
    path        => ['/usr/bin', '/bin'],
    refreshonly => true,
  }
  exec { 'tell mtce-conductor':
    command => 'systemctl try-reload-or-restart flock-mtce-conductor',
  }
  exec { 'tell mtce-heartbeat':
    command => 'systemctl try-restart flock-mtce-heartbeat',
  }
}
