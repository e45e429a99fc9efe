# SPDX-License-Identifier: Apache-2.0
# Settings of host maintenance, in seconds, heartbeats and milliseconds. Without a value its own default counts.
class platform::mtce::params (
  Optional[Integer] $worker_boot_timeout         = undef,
  Optional[Integer] $controller_boot_timeout     = undef,
  Optional[Integer] $heartbeat_period            = undef,
  Optional[String]  $heartbeat_failure_action    = undef,
  Optional[Integer] $heartbeat_failure_threshold = undef,
  Optional[Integer] $heartbeat_degrade_threshold = undef,
) {
}
