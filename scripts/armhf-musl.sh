#!/bin/bash
# SPDX-License-Identifier: MIT
#
# armhf-musl.sh DIR: Debian's musl for ARMv7 hard-float, unpacked below DIR for
# arm-linux-gnueabihf-gcc; DIR/musl.specs makes that compiler use it:
#
#   arm-linux-gnueabihf-gcc -mcpu=cortex-a7 -specs=DIR/musl.specs [-static] app.c
#   qemu-arm-static -cpu cortex-a7 -L DIR ./a.out
#
# The packages come from this machine's own package sources, with lists of their own:
# the machine's architectures stay as they are. Silent when DIR is complete.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: armhf-musl.sh DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -e "$dir/complete" ] || exit 0
command -v apt-get >/dev/null || { echo "armhf-musl.sh: it needs apt-get" >&2; exit 1; }

apt=$dir/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
# The machine's main source; an old-style list or a file of stanzas.
if [ -s /etc/apt/sources.list ]; then
    grep -E '^deb ' /etc/apt/sources.list | head -n 1 >"$apt/main.list"
else
    awk 'BEGIN { RS = "" } { print; exit }' /etc/apt/sources.list.d/debian.sources | sed '/^Architectures:/d' >"$apt/main.sources"
fi
options=(-o "Dir::State=$apt/state" -o Dir::State::status=/dev/null -o "Dir::Cache=$apt/cache"
    -o "Dir::Etc::sourcelist=$(ls "$apt"/main.*)" -o Dir::Etc::sourceparts=-
    -o APT::Architecture=armhf -o APT::Architectures=armhf -o APT::Sandbox::User=root)
cd "$apt"
apt-get -q "${options[@]}" update >log 2>&1 && apt-get -q "${options[@]}" download musl musl-dev >>log 2>&1 ||
    { tail -n 5 log >&2; echo "armhf-musl.sh: cannot download musl and musl-dev for armhf" >&2; exit 1; }
for package in ./*.deb; do
    dpkg-deb -x "$package" "$dir"
done
cd "$dir"
sed "s#/usr/#$dir/usr/#g" usr/lib/arm-linux-musleabihf/musl-gcc.specs >musl.specs
# Its link goes to a place of the target; a broken one makes "dynamic" links static.
ln -sf ../../../lib/arm-linux-musleabihf/libc.so usr/lib/arm-linux-musleabihf/libc.so
rm -rf apt
touch complete
