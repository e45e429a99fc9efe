# SPDX-License-Identifier: Apache-2.0
# Interfaces that the installer does not configure, as files of systemd-networkd.
class platform::network::interfaces (
  Hash[String, Hash] $network_config = {},
) {
  $directory = '/etc/systemd/network'
  $path = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
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
      notify  => [Exec["remove ${name} as it was"], Exec['reload systemd-networkd']],
    }
    # systemd-networkd makes a bond or VLAN from its file, and leaves the one that exists as it is.
    exec { "remove ${name} as it was":
      command     => "ip link delete dev '${name}'",
      onlyif      => "test -e '/proc/net/bonding/${name}' -o -e '/proc/net/vlan/${name}'",
      path        => $path,
      refreshonly => true,
      notify      => Exec['restart systemd-networkd'],
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

  # What this class wrote before and does not write any more. The kernel has it still: a bond or VLAN is removed, any
  # other interface gets back what it has without settings, unless it has got another purpose.
  $kept = ($files + $drop_ins).map |$file| { "! -path '${directory}/${file}'" }
  $stale = "find ${directory} -path '*40-flock-*' -type f ${join($kept, ' ')}"
  $released = @("SHELL"/$)
    ${stale} -print | while IFS= read -r file; do
      name=\${file##*/40-flock-}; name=\${name%.net*}
      rm -f "\$file"
      if [ -e "/proc/net/bonding/\$name" ] || [ -e "/proc/net/vlan/\$name" ]; then
        case "\$file" in *.netdev) ip link delete dev "\$name" ;; esac
      elif [ -e "/sys/class/net/\$name" ]; then
        case " ${join($network_config.keys, ' ')} " in *" \$name "*) continue ;; esac
        ip address flush dev "\$name"
        ip link set dev "\$name" down nomaster mtu 1500
      fi
    done
    | SHELL
  exec { 'remove what is left of interfaces that are gone':
    command  => $released,
    onlyif   => "test -n \"$(${stale} -print -quit 2> /dev/null)\"",
    path     => $path,
    provider => shell,
    notify   => Exec['restart systemd-networkd'],
  }
  # A reload makes a removed bond or VLAN as it was, and gives it no members, so a restart comes first. Addresses stay.
  exec { 'restart systemd-networkd':
    command     => 'systemctl restart systemd-networkd',
    onlyif      => 'systemctl --quiet is-active systemd-networkd',
    path        => $path,
    refreshonly => true,
  }
  -> exec { 'reload systemd-networkd':
    command     => 'networkctl reload',
    onlyif      => 'systemctl --quiet is-active systemd-networkd',
    path        => $path,
    refreshonly => true,
  }
}
