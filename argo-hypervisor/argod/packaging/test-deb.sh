#!/usr/bin/env bash
# Installs argod's Debian package in a clean system, uses it, upgrades, removes and purges it, and
# looks at what is left.
#
#   test-deb.sh BIN_DIR WORK_DIR
#
# BIN_DIR: where argod and argoctl are. WORK_DIR: for the clean system, made once by debootstrap
# (which needs a network) and used again. Needs root; everything happens in a chroot with processes
# and mounts of its own, which go with this script. Prints a line that cargo's tests print too.
set -euo pipefail

here=$(realpath "$(dirname "$0")")
passed=0
# As the unit has it.
as_argod=(setpriv --reuid argod --regid argod --init-groups --no-new-privs
    --bounding-set=-all,+chown --inh-caps=-all,+chown --ambient-caps=-all,+chown)

main() {
    why=$(missing) || { echo "SKIPPED: the Debian package is not tested: $why"; return; }
    local bin work
    bin=$(realpath "$1")
    mkdir -p "$2"
    work=$(realpath "$2")
    base "$work/base" || { echo "SKIPPED: the Debian package is not tested: debootstrap failed"; return; }
    "$here/deb.sh" "$bin" "$work/old" 1.0 >/dev/null
    "$here/deb.sh" "$bin" "$work/new" 1.1 >/dev/null
    # The mounts and processes of the test are gone when this ends, whatever becomes of it.
    timeout 300 unshare --mount --pid --fork --kill-child "$here/test-deb.sh" --inside "$work"
}

missing() {
    [[ $(id -u) == 0 ]] || { echo "that takes root"; return 1; }
    local tool
    for tool in debootstrap unshare chroot dpkg-deb; do
        command -v "$tool" >/dev/null || { echo "there is no $tool"; return 1; }
    done
    # Programs built here run with the C library of here.
    grep -q '^ID=debian' /etc/os-release || { echo "this is not Debian"; return 1; }
    unshare --mount --pid --fork true || { echo "no new namespaces"; return 1; }
}

base() {
    [[ -f $1/.done ]] && return
    rm -rf "$1"
    local release
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    timeout 600 debootstrap --variant=minbase --include=systemd-standalone-sysusers \
        "$release" "$1" >"$1.log" 2>&1 || { tail -3 "$1.log"; return 1; }
    touch "$1/.done"
}

inside() {
    tree=$1/tree
    rm -rf "$tree"
    cp -a --reflink=auto "$1/base" "$tree"
    cp "$1"/old/*.deb "$tree/old.deb"
    cp "$1"/new/*.deb "$tree/new.deb"
    mount -t proc proc "$tree/proc"
    mkdir -p "$tree/etc/systemd/system/sockets.target.wants"
    files >"$1/before"
    installs
    serves
    upgrades
    removes
    purges "$1"
    umount "$tree/proc"
    rm -rf "$tree"
    echo "test result: ok. $passed passed; 0 failed"
}

installs() {
    run dpkg -i old.deb >/dev/null
    shows "the user is there" run getent passwd argod
    shows "the shipped configuration is right" run argod --check-config /etc/argod.toml
    shows "nothing was started" not test -e "$tree/run/argod"
    shows "the unit is enabled" test -L "$tree/etc/systemd/system/multi-user.target.wants/argod.service"
    shows "the pages are there" test -f "$tree/usr/share/man/man8/argod.8.gz"
    shows "bash completes" run bash -c '. /usr/share/bash-completion/completions/argoctl'
    if command -v systemd-analyze >/dev/null; then
        shows "systemd knows all that the units say" not strange argod.service
        shows "also about the socket" not strange argod-admin.socket
        shows "the unit is as safe as it was" exposure
    fi
}

# Settings, system calls and the like that systemd passes over. That other units are not there, as in
# a system without systemd, is no matter.
strange() {
    systemd-analyze verify --root="$tree" --man=no "$1" 2>&1 | grep "$1:[0-9]"
}

exposure() {
    systemd-analyze security --offline=true --root="$tree" --threshold=15 --no-pager argod.service |
        tail -1
}

# As the unit starts it: its user, its folder, its capabilities.
serves() {
    cat >>"$tree/etc/argod.toml" <<'CONFIG'
wildcard_rings = true
domain = [{ id = 1, name = "a", ram = "1MiB", uid = 65534, gid = 65534 }]
policy = [{ hook = "enable", from = "any" }, { hook = "register_any_source", from = "any" }]
CONFIG
    run install -d -o argod -g argod -m 711 /run/argod
    start
    shows "it answers administrators" within 10 run argoctl stat
    shows "a guest of another user attaches" guest
    shows "nobody else does" not run setpriv --reuid 1000 --regid 1000 --clear-groups \
        argoctl recv 7 --timeout 10ms --domain /run/argod/a.sock
    shows "a second one is told that the first serves" not second 2>"$tree/second.log"
    shows "and why" grep -q "a.sock: another process is serving" "$tree/second.log"
    shows "the socket is its user's again" \
        [ "$(stat -c '%u %g %a' "$tree/run/argod/a.sock")" = "65534 65534 600" ]
    kill -KILL "$argod"
    wait "$argod" || true
    start
    shows "after a crash it takes the sockets that it gave away" within 10 run argoctl stat
    kill "$argod"
    shows "it ends as asked" wait "$argod"
    shows "its sockets are gone" not test -e "$tree/run/argod/admin.sock"
}

# Not by a function that is put into the background, whose shell would be what is killed.
start() {
    chroot "$tree" "${as_argod[@]}" argod --config /etc/argod.toml 2>"$tree/argod.log" &
    argod=$!
}

# With an administrators' socket of its own, but the same domain.
second() {
    sed '1i admin = { socket = "/run/argod/second.sock" }' "$tree/etc/argod.toml" >"$tree/second.toml"
    run timeout 10 "${as_argod[@]}" argod --config /second.toml
}

# Nothing comes, so it fails, but not before it has attached and received.
guest() {
    local said
    said=$(run setpriv --reuid 65534 --regid 65534 --clear-groups \
        argoctl recv 7 --timeout 10ms --domain /run/argod/a.sock 2>&1) || true
    [[ $said == *"receiving at 1:7"* ]]
}

# Without systemd nothing is restarted: what runs goes on, and the new tool can talk to it.
upgrades() {
    start
    shows "an argod runs" within 10 run argoctl stat
    run dpkg -i new.deb >/dev/null
    shows "it has outlived the upgrade" within 10 run argoctl stat
    kill "$argod"
    shows "it still ends as asked" wait "$argod"
    shows "the new one is there" [ "$(run dpkg-query -Wf '${Version}' argod)" = 1.1 ]
    shows "the configuration is the administrator's" grep -q wildcard "$tree/etc/argod.toml"
}

removes() {
    # As an administrator may have done.
    ln -s /usr/lib/systemd/system/argod-admin.socket "$tree/etc/systemd/system/sockets.target.wants/"
    run dpkg -r argod >/dev/null
    shows "the program is gone" not test -e "$tree/usr/bin/argod"
    shows "the configuration is not" test -f "$tree/etc/argod.toml"
    shows "no socket is left" not test -e "$tree/run/argod"
}

purges() {
    run dpkg -P argod >/dev/null
    rm "$tree/argod.log" "$tree/second.log" "$tree/second.toml"
    files >"$1/after"
    shows "nothing is left" diff "$1/before" "$1/after"
    shows "the user is gone" not run getent passwd argod
}

# Of everything but the package manager's own records.
files() {
    (cd "$tree" && find . -path ./proc -prune -o -path ./var/lib/dpkg -prune -o -path ./var/log \
        -prune -o -path ./var/lib/systemd -prune -o -name '*-' -o -name '.pwd.lock' -o -print | sort)
}

run() {
    chroot "$tree" "$@"
}

not() {
    ! "$@"
}

within() {
    local seconds=$1 i
    shift
    for ((i = 0; i < seconds * 10; i++)); do
        "$@" 2>/dev/null && return
        sleep 0.1
    done
    return 1
}

shows() {
    local what=$1
    shift
    if ! "$@" >/dev/null; then
        echo "FAILED: $what"
        cat "$tree/argod.log" 2>/dev/null || true
        echo "test result: FAILED. $passed passed; 1 failed"
        exit 1
    fi
    echo "ok: $what"
    passed=$((passed + 1))
}

if [[ $1 == --inside ]]; then
    inside "$2"
else
    main "$@"
fi
