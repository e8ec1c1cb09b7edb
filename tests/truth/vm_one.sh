#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vm_one.sh BATS FILE NAME: runs the one test NAME of FILE, as bats_one.sh does, as root of
# a virtual machine whose memory groups are cgroup v2's: a system has those or v1's, so that
# elsewhere one of a test's two ways is never gone. It needs neither root nor network nor KVM
# (without, the machine is emulated). Its disk holds what is named below and no more.
#
# Exit status 77: something is missing here. A test that skips in the machine has failed.
set -u
bats=$1 file=$2 name=$3
PATH=$PATH:/usr/sbin:/sbin

kernel=${HT_VM_KERNEL:-$HT_SOURCE/build/vm-kernel/vmlinuz}
# What bats, the helpers, the tests and the machine's start call.
programs="basename bash cat cut date dirname env find flock grep id jq ln ls mkdir mktemp mount mv nl od readlink
    rm rmdir sed sleep sort swapon tee touch tr umount uname uniq wc"

skip() {
    echo "SKIP: $*"
    exit 77
}

[ "$(uname -m)" = x86_64 ] || skip "the virtual machine is an x86-64"
[ -x "$bats" ] || skip "bats is missing (apt-get install bats)"
[ -r "$kernel" ] || skip "the kernel $kernel is missing (scripts/vm-kernel.sh ${kernel%/*})"
for need in qemu-system-x86_64:qemu-system-x86 mkfs.ext4:e2fsprogs mkswap:util-linux $programs; do
    type -P "${need%:*}" >/dev/null || skip "${need%:*} is missing (apt-get install ${need#*:})"
done
[ -e "$HT_BUILD/lib/libheaptracker-preload.so" ] || skip "the preload library is not built"

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
set -e

# --- Its disk: the files are where they are here ---

root=$directory/root
put() { # FILE...
    local path
    for path; do
        mkdir -p "$root${path%/*}"
        cp -rL "$path" "$root${path%/*}/"
    done
}

put_program() { # FILE
    put "$1"
    # shellcheck disable=SC2046 # a word is a library
    put $(ldd "$1" | grep -o '/[^ ]*')
}

mkdir -p "$root"/{dev,proc,sys,tmp,usr/{bin,sbin,lib,lib64}}
for folder in bin sbin lib lib64; do
    [ ! -L "/$folder" ] || ln -s "usr/$folder" "$root/$folder"
done
for program in $programs; do
    put_program "$(type -P "$program")"
done
bats=$(readlink -f "$bats")
put "$bats" "${bats%/*/*}/libexec/bats-core" "${bats%/*/*}/lib/bats-core"
put_program "$HT_BUILD/bin/heaptracker"
put_program "$HT_BUILD/tests/truth/eater"
put "$HT_BUILD/lib/libheaptracker-preload.so" "$HT_SOURCE/tests/bats_one.sh" "$HT_SOURCE/tests/tool/helpers.bash" "$file"

# Memory groups as systemd leaves them; and swap, as a group's limit must hold that too.
cat >"$root/init" <<END
#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HT_BUILD=$(printf %q "$HT_BUILD") HT_SOURCE=$(printf %q "$HT_SOURCE")
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
ln -s /proc/self/fd /dev/fd
mkdir /dev/shm
mount -t tmpfs none /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
swapon /dev/nvme1n1
uname -sr
$(printf '%q ' "$HT_SOURCE/tests/bats_one.sh" "$bats" "$file" "$name")
echo "status \$?" >/dev/ttyS1
echo o >/proc/sysrq-trigger
sleep 60
END
chmod +x "$root/init"
truncate -s 256M "$directory/disk"
mkfs.ext4 -q -d "$root" "$directory/disk"
truncate -s 512M "$directory/swap"
mkswap "$directory/swap" >"$directory/log" 2>&1 || { cat "$directory/log"; exit 1; }

# --- The machine ---

# Sets `status` to what the machine's start said in the end; to nothing if it came to none.
boot() { # ACCELERATOR SECONDS
    # The second line is the status's own, as the kernel writes on the first when it likes. What it
    # writes on its disks is forgotten.
    timeout "$2" qemu-system-x86_64 -accel "$1" -m 512M -smp 2 -nodefaults -display none -no-reboot \
        -serial stdio -serial "file:$directory/status" \
        -kernel "$kernel" -append "root=/dev/nvme0n1 rw init=/init console=ttyS0 quiet panic=-1" \
        -drive "if=none,id=disk,format=raw,snapshot=on,file=$directory/disk" -device nvme,drive=disk,serial=1 \
        -drive "if=none,id=swap,format=raw,snapshot=on,file=$directory/swap" -device nvme,drive=swap,serial=2 \
        </dev/null | tr -d '\r'
    status=$(tr -d '\r' <"$directory/status")
}

status=
[ ! -w /dev/kvm ] || boot kvm 60
# A KVM that is itself in a virtual machine may stop at an instruction that it does not know.
[ -n "$status" ] || boot tcg 300
[ "$status" = "status 0" ] || { echo "FAIL: in the machine: ${status:-it came to no end}"; exit 1; }
