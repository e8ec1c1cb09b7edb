#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vm-kernel.sh DIR: Debian's kernel for virtual machines, as DIR/vmlinuz, for the tests
# that boot one (tests/truth/vm_one.sh). It comes from this machine's own package sources and is
# only unpacked, never installed: what this machine boots stays as it is. Of Debian's
# kernels the cloud one has the drivers built in that a disk and a console need.
# Silent when it is there.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: vm-kernel.sh DIR" >&2; exit 2; }
mkdir -p "$1"
cd "$1"
[ ! -e vmlinuz ] || exit 0

fail() {
    echo "vm-kernel.sh: $*" >&2
    exit 1
}
[ "$(uname -m)" = x86_64 ] || fail "only for x86-64"
command -v apt-get >/dev/null || fail "it needs apt-get; or make $PWD/vmlinuz a link to a kernel with NVMe and ext4 built in"
# The package of this name is empty, and depends on the newest version's.
package=$(apt-cache depends --important linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: //p')
[ -n "$package" ] || fail "the package sources have no linux-image-cloud-amd64"
trap 'rm -rf "$PWD/unpacked" log ./*.deb' EXIT
apt-get -q -o APT::Sandbox::User=root download "$package" >log 2>&1 ||
    { tail -n 5 log >&2; fail "cannot download $package (apt-get update may help)"; }
dpkg-deb -x ./*.deb unpacked
mv unpacked/boot/vmlinuz-* vmlinuz
