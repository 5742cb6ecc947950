# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of other architectures share. Source it first:  . "$(dirname "$0")/lib.sh"

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

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

# cross ARCHITECTURE COMPILER PKG_CONFIG_FOLDER [EMULATOR]: builds everything with the libraries of
# that Debian architecture, and runs what needs no network. All is in a Debian root that is removed
# afterwards: this machine gets no foreign package.
cross() {
    local packages=ca-certificates,cmake,ninja-build,pkg-config,gcc,libc6-dev,systemd package mirror
    scratch
    need mmdebstrap unshare chroot
    unshare --mount --pid --fork true 2>/dev/null || skip "needs root, and mounts of its own"
    [ "$(dpkg --print-architecture)" = amd64 ] || skip "the cross compilers are those of amd64"
    packages+=,gcc-$2${4:+,qemu-user-static}
    for package in systemd config mnl jansson microhttpd netfilter-conntrack cmocka; do
        packages+=,lib$package-dev:$1
    done
    root=$scratch/root
    # where this machine gets its packages, if it is a bookworm
    # shellcheck disable=SC2016 # apt expands it
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | head -n 1)
    chmod 755 "$scratch" # apt gives up its rights to download
    mmdebstrap --quiet --variant=apt --architectures="amd64,$1" --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --aptopt='Acquire::Retries "3"' bookworm "$root" ${mirror:+"$mirror"} \
        >"$scratch/log" 2>&1 || skip "mmdebstrap cannot make a Debian root with $1: $(grep -m 1 "^E:" "$scratch/log")"
    mkdir "$root/src"

    quietly env PKG_CONFIG_LIBDIR="/usr/lib/$3/pkgconfig:/usr/share/pkgconfig" \
        cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCTWATCH_WERROR=ON -DCMAKE_SYSTEM_NAME=Linux \
        -DCMAKE_C_COMPILER="$2-gcc" ${4:+-DCMAKE_CROSSCOMPILING_EMULATOR="/usr/bin/$4"}
    quietly ninja -C /build
    there ctest --test-dir /build --parallel "$(nproc)" --output-on-failure --no-tests=error -L 'unit|scenario|fuzz' \
        >"$scratch/log" 2>&1 || fail "$(grep -v ' Passed \|Start ' "$scratch/log")"
    grep 'tests passed' "$scratch/log"
}
