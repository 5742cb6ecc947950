# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of other architectures share. Source it first:  . "$(dirname "$0")/lib.sh"

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
unset CMAKE_C_COMPILER_LAUNCHER # of the host

# there COMMAND...: in the Debian root, whose mounts nothing else sees and end with the command
there() {
    # shellcheck disable=SC2016 # the inner shell expands them
    unshare --mount --pid --fork bash -c '
        mount --bind "$0" "$0" && mount --bind -o ro "$1" "$0/src" && mount --rbind /dev "$0/dev" &&
            mount -t proc proc "$0/proc" && mount -t sysfs sysfs "$0/sys" && exec chroot "$0" "${@:2}"' \
        "$root" "$SOURCE_DIR" "$@"
}

# quietly COMMAND...: there; what it prints is of interest when it fails
# shellcheck disable=SC2154 # tests/lib.sh sets it
quietly() { there "$@" >"$scratch/log" 2>&1 || fail "$*: $(grep -v '^\[' "$scratch/log" | tail -n 60)"; }

# foreign_root ARCHITECTURE COMPILER [ARCHITECTURE COMPILER]...: a Debian root with the libraries of
# those Debian architectures. It is removed afterwards: this machine gets no foreign package.
foreign_root() {
    local packages=ca-certificates,cmake,ninja-build,pkg-config,gcc,libc6-dev,systemd
    local architectures=amd64 package mirror
    scratch
    need mmdebstrap unshare chroot
    unshare --mount --pid --fork true 2>/dev/null || skip "needs root, and mounts of its own"
    [ "$(dpkg --print-architecture)" = amd64 ] || skip "the cross compilers are those of amd64"
    for (( ; $#; )); do
        architectures+=,$1 packages+=,gcc-$2
        [ "$1" = i386 ] || packages+=,qemu-user-static
        for package in systemd config mnl jansson microhttpd netfilter-conntrack cmocka; do
            packages+=,lib$package-dev:$1
        done
        shift 2
    done
    root=$scratch/root
    # where this machine gets its packages, if it is a bookworm
    # shellcheck disable=SC2016 # apt expands it
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | head -n 1)
    chmod 755 "$scratch" # apt gives up its rights to download
    mmdebstrap --quiet --variant=apt --architectures="$architectures" --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt=force-unsafe-io --aptopt='Acquire::Retries "3"' \
        bookworm "$root" ${mirror:+"$mirror"} >"$scratch/log" 2>&1 ||
        skip "mmdebstrap cannot make a Debian root with $architectures: $(grep -m 1 "^E:" "$scratch/log")"
    mkdir "$root/src"
}

# cross COMPILER PKG_CONFIG_FOLDER [EMULATOR]: builds everything in that root, and runs what needs no
# network. It is built as for users: an emulator needs three times as long for the other.
cross() {
    quietly env PKG_CONFIG_LIBDIR="/usr/lib/$2/pkgconfig:/usr/share/pkgconfig" \
        cmake -S /src -B "/build-$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O2 \
        -DCTWATCH_WERROR=ON -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_C_COMPILER="$1-gcc" \
        ${3:+-DCMAKE_CROSSCOMPILING_EMULATOR="/usr/bin/$3"}
    quietly ninja -C "/build-$1"
    there ctest --test-dir "/build-$1" --parallel "$(nproc)" --output-on-failure --no-tests=error \
        -L 'unit|scenario|fuzz' >"$scratch/log" 2>&1 || fail "$1: $(grep -v ' Passed \|Start ' "$scratch/log")"
    say "$1: $(grep 'tests passed' "$scratch/log")"
}
