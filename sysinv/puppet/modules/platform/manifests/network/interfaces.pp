# SPDX-License-Identifier: Apache-2.0
# Interfaces that the installer does not configure, as files of systemd-networkd.
class platform::network::interfaces (
  Hash[String, Hash] $network_config = {},
) {
  $directory = '/etc/systemd/network'
  # Files of interfaces that lie on others have later names, because a bond needs its netdev before its members.
  $made = $network_config.filter |$name, $one| { $one['kind'] != 'ethernet' and $one['installed'] =~ Undef }
  $own = $network_config.filter |$name, $one| { $one['installed'] =~ Undef }
  $extended = $network_config.filter |$name, $one| {
    $one['installed'] =~ String and !(empty($one['vlans']) and $one['routes'] in [undef, []])
  }

  $files = $made.map |$name, $one| { "40-flock-${name}.netdev" } + $own.map |$name, $one| { "40-flock-${name}.network" }
  $drop_ins = $extended.map |$name, $one| { "10-flock-${one['installed']}.network.d/40-flock-vlans.conf" }

  $made.each |$name, $one| {
    file { "${directory}/40-flock-${name}.netdev":
      content => epp('platform/netdev.epp', { 'name' => $name, 'settings' => $one }),
      mode    => '0644',
      notify  => Exec['reload systemd-networkd'],
    }
  }
  $own.each |$name, $one| {
    file { "${directory}/40-flock-${name}.network":
      content => epp('platform/network.epp', { 'name' => $name, 'settings' => $one }),
      mode    => '0644',
      notify  => Exec['reload systemd-networkd'],
    }
  }
  $extended.each |$name, $one| {
    file { "${directory}/10-flock-${one['installed']}.network.d":
      ensure => directory,
      mode   => '0755',
    }
    file { "${directory}/10-flock-${one['installed']}.network.d/40-flock-vlans.conf":
      content => epp('platform/vlans.epp', { 'settings' => $one }),
      mode    => '0644',
      notify  => Exec['reload systemd-networkd'],
    }
  }

  # What this class wrote before and does not write any more.
  $kept = ($files + $drop_ins).map |$file| { "! -path '${directory}/${file}'" }
  $stale = "find ${directory} -path '*40-flock-*' -type f ${join($kept, ' ')}"
  exec { 'remove files of interfaces that are gone':
    command => "${stale} -delete",
    onlyif  => "test -n \"$(${stale} -print -quit 2> /dev/null)\"",
    path    => ['/usr/bin', '/bin'],
    provider => shell,
    notify  => Exec['reload systemd-networkd'],
  }
  exec { 'reload systemd-networkd':
    command     => 'networkctl reload',
    onlyif      => 'systemctl --quiet is-active systemd-networkd',
    path        => ['/usr/bin', '/bin'],
    refreshonly => true,
  }
}
