#!/usr/bin/env bash
# Makes the Debian package of argod and argoctl from programs that are built already.
#
#   deb.sh BIN_DIR OUT_DIR [VERSION]
#
# BIN_DIR: where argod and argoctl are (cargo's target/release). OUT_DIR gets argod_VERSION_ARCH.deb.
# VERSION: the workspace's unless given. DEB_MAINTAINER: "Name <address>" of who distributes it.
# Needs dpkg-deb, gzip and strip; no root, no network.
set -euo pipefail

bin=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
root=$(realpath "$here/../../..")
version=${3:-$(awk -F'"' '/^version = / { print $2; exit }' "$root/Cargo.toml")}
arch=$(dpkg --print-architecture)
# The same package from the same sources.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}
maintainer=${DEB_MAINTAINER:-Argo developers <argo@localhost>}
umask 022

main() {
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    chmod 755 "$tree"
    programs
    configuration
    generated
    documents
    control
    dpkg-deb --root-owner-group --build "$tree" "$out/argod_${version}_$arch.deb"
}

programs() {
    install -Dt "$tree/usr/bin" "$bin/argod" "$bin/argoctl"
    strip --remove-section=.comment "$tree/usr/bin/argod" "$tree/usr/bin/argoctl"
}

configuration() {
    install -Dm644 "$here/argod.toml" "$tree/etc/argod.toml"
    install -d "$tree/etc/argod/policy.d"
    install -Dm644 -t "$tree/usr/lib/systemd/system" "$here/argod.service" "$here/argod-admin.socket"
    install -Dm644 "$here/argod.sysusers" "$tree/usr/lib/sysusers.d/argod.conf"
}

# Written by the program itself, so that they say what it does.
generated() {
    local work share=$tree/usr/share
    work=$(mktemp -d -p "$tree")
    "$bin/argoctl" generate completions "$work"
    for program in argod argoctl; do
        install -Dm644 "$work/$program.bash" "$share/bash-completion/completions/$program"
        install -Dm644 -t "$share/zsh/vendor-completions" "$work/_$program"
        install -Dm644 -t "$share/fish/vendor_completions.d" "$work/$program.fish"
    done
    rm "$work"/*
    "$bin/argoctl" generate man "$work"
    gzip -9n "$work"/*
    for section in 1 5 8; do
        install -Dm644 -t "$share/man/man$section" "$work"/*."$section".gz
    done
    rm -r "$work"
}

documents() {
    local doc=$tree/usr/share/doc/argod plugin=$here/../wireshark/argo.lua
    install -Dm644 -t "$doc" "$root"/docs/*
    install -m644 "$here/debian/copyright" "$doc/copyright"
    changelog | gzip -9n >"$doc/changelog.gz"
    # Found by Wireshark in the folder for everybody's plugins.
    [[ ! -f $plugin ]] || install -Dm644 -t "$tree/usr/lib/$(triplet)/wireshark/plugins" "$plugin"
    install -Dm644 "$here/debian/lintian-overrides" "$tree/usr/share/lintian/overrides/argod"
}

triplet() {
    dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -dumpmachine
}

changelog() {
    printf 'argod (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' \
        "$version" "$version" "$maintainer" "$(date -Rud "@$SOURCE_DATE_EPOCH")"
}

control() {
    local size
    size=$(du -sk --exclude=DEBIAN "$tree" | cut -f1)
    mkdir "$tree/DEBIAN"
    sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$size/" \
        -e "s/@MAINTAINER@/$maintainer/" \
        "$here/debian/control" >"$tree/DEBIAN/control"
    echo /etc/argod.toml >"$tree/DEBIAN/conffiles"
    install -m755 -t "$tree/DEBIAN" "$here/debian/"{postinst,prerm,postrm}
    (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
}

main
