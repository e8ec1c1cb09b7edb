#!/bin/bash
# SPDX-License-Identifier: MIT
#
# setup.sh [build|run|test|soak|bench|lint [COMMAND...]]: installs the Debian packages that
# the purpose needs and that are missing. Silent, and without network, when none is.
# Runs the COMMAND then; where packages are missing it is run beside their download already,
# for what it can do without them.
set -euo pipefail

# libc6-dev is only recommended by gcc, and recommendations are not installed.
build="gcc libc6-dev cmake make pkgconf libjansson-dev libdw-dev libxxhash-dev
    libiberty-dev zlib1g-dev musl-tools"
# The page of the html format. Some packages of nodejs bring npm, and are in conflict with Debian's own.
command -v npm >/dev/null && command -v node >/dev/null || build="$build npm"
run="$build sqlite3"
test="$run g++ clang lld ninja-build libcmocka-dev bats valgrind libcap2-bin jq perl python3 python3-junitparser libxml2-utils git openssl mandoc man-db
    libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 libunwind-dev
    golang-go libdevel-nytprof-perl heaptrack binutils dwz chromium time bsdutils"
# Other machines, and what runs their programs.
test="$test gcc-arm-none-eabi libnewlib-arm-none-eabi picolibc-arm-none-eabi qemu-system-arm
    gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static"
# A virtual machine.
soak="$test qemu-system-x86 e2fsprogs"
bench="$run g++ git valgrind heaptrack libjemalloc2 libjemalloc-dev libgoogle-perftools4 google-perftools
    gnuplot-nox jq perl python3 libunwind-dev"
lint="$build g++ libcmocka-dev git clang clang-format clang-tidy cppcheck"

purpose=${1:-build}
shift $(($# > 0))
case $purpose in
build | run | test | soak | bench | lint) packages=${!purpose} ;;
*)
    echo "setup.sh: unknown purpose '$purpose'; one of build, run, test, soak, bench, lint" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    # Not a Debian: CMake names what else it misses.
    for program in cc cmake; do
        command -v $program >/dev/null && continue
        echo "setup.sh: $program is missing; install what your system has for: $packages" >&2
        exit 1
    done
    exit 0
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $packages 2>/dev/null | sed -n 's/^installed //p' || true)
missing=()
for package in $packages; do
    grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
# What is in no package that could be installed here: musl for ARMv7, and a kernel that is not this machine's.
# Without the kernel the tests that boot it skip.
finish() {
    local scripts build
    scripts=$(dirname "$0")
    build=$scripts/../build
    case $purpose in test | soak) "$scripts/armhf-musl.sh" "$build/armhf-musl" ;; esac
    [ "$purpose" != soak ] || "$scripts/vm-kernel.sh" "$build/vm-kernel" || true
}
[ ${#missing[@]} -gt 0 ] || { finish; "$@"; exit; }

if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "setup.sh: packages are missing. Run this, then try again:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi

echo "setup.sh: installing ${missing[*]}" >&2
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A broken foreign package source makes `update` fail; the install decides.
fetch() {
    "${apt[@]}" update >"$log" 2>&1 || tail -n 3 "$log" >&2
    "${apt[@]}" install -y --no-install-recommends --download-only "${missing[@]}" >"$log" 2>&1 || true
}
fetch &
"$@" || true # once more below, with all that it needs
wait
if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup.sh: apt-get failed; the packages that are needed: ${missing[*]}" >&2
    exit 1
fi
finish
"$@"
