# SPDX-License-Identifier: Apache-2.0
# PTP instances: a configuration file of linuxptp and a unit of systemd for each. Programs of linuxptp set the clocks of
# the machine, so a host that shows the hardware of another machine, and a container, only get the files.
class platform::ptpinstance (
  Hash[Pattern[/\A[A-Za-z0-9][A-Za-z0-9_.-]*\z/], Hash] $config = {},
) {
  include platform::params
  $directory = '/etc/linuxptp/ptpinstance'
  $units = '/etc/systemd/system'
  $owned = "test '${platform::params::hardware_root}' = / && ! systemd-detect-virt --container --quiet"

  Exec {
    path     => ['/usr/bin', '/bin'],
    provider => shell,
  }
  file { ['/etc/linuxptp', $directory]:
    ensure => directory,
    mode   => '0755',
  }

  # What this class wrote before and does not write any more ends before others begin, which may need its clock.
  $kept = $config.map |$name, $one| { "! -name 'flock-ptp-${name}.service' ! -name '${one['service']}-${name}.conf'" }
  $stale_units = "find ${units} -maxdepth 1 -name 'flock-ptp-*.service' -type f ${join($kept, ' ')}"
  $stale_files = "find ${directory} -maxdepth 1 -name '*.conf' -type f ${join($kept, ' ')}"
  exec { 'end PTP instances that are gone':
    command => "if ${owned}; then ${stale_units} -exec basename {} \\; | xargs -r systemctl disable --now; fi
      ${stale_units} -delete && ${stale_files} -delete",
    onlyif  => "test -n \"$(${stale_units}; ${stale_files})\"",
    require => File[$directory],
    notify  => Exec['read the units of PTP instances'],
  }

  $config.each |$name, $one| {
    $unit = "flock-ptp-${name}.service"
    $file = "${directory}/${one['service']}-${name}.conf"
    # A program that does not know one of its parameters ends at once, which is no failure of its start.
    $runs = "sleep 2 && systemctl --quiet is-active ${unit}"
    file { $file:
      content => epp('platform/ptpinstance.epp', { 'sections' => $one['sections'] }),
      mode    => '0644',
      notify  => Exec["restart ${unit}"],
    }
    file { "${units}/${unit}":
      content => epp('platform/ptpservice.epp', { 'name' => $name, 'file' => $file, 'settings' => $one }),
      mode    => '0644',
      require => Exec['end PTP instances that are gone'],
      notify  => [Exec['read the units of PTP instances'], Exec["restart ${unit}"]],
    }
    exec { "restart ${unit}":
      command     => "systemctl restart ${unit} && ${runs}",
      onlyif      => $owned,
      refreshonly => true,
      require     => Exec['read the units of PTP instances'],
    }
    exec { "start ${unit}":
      command => "systemctl enable --now ${unit} && ${runs}",
      onlyif  => $owned,
      unless  => "systemctl --quiet is-enabled ${unit} && systemctl --quiet is-active ${unit}",
      require => Exec["restart ${unit}"],
    }
  }

  exec { 'read the units of PTP instances':
    command     => 'systemctl daemon-reload',
    onlyif      => $owned,
    refreshonly => true,
  }
}
