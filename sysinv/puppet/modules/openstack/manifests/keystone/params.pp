# SPDX-License-Identifier: Apache-2.0
# Settings of Keystone. Without a value its own default counts.
class openstack::keystone::params (
  # Seconds until a token expires.
  Optional[Integer] $token_expiration = undef,
) {
}
