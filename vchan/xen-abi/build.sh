#!/bin/sh
# Builds the shared objects that stand in for Xen's libraries, with Xen's sonames and versions.
#
#   vchan/xen-abi/build.sh OUT [TARGET_DIR] [LIBRARY...]
#
# OUT gets libxengnttab.so.1, libxenevtchn.so.1, libxenstore.so.4 and libxenvchan.so.4.17, each with
# the link that a linker looks for (or only those of the LIBRARYs named: gnttab, evtchn, store,
# vchan). Put OUT on LD_LIBRARY_PATH, or leave libxenvchan out to keep Debian's.
#
# Environment: XEN_VERSION (4.17), which libxenvchan's soname and symbols carry; PROFILE (release);
# CARGO (cargo); CC (cc).
#
# Rust's own version script would win over ours in a cdylib, so each library is a staticlib that the
# C compiler links.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:?"usage: build.sh OUT [TARGET_DIR] [LIBRARY...]"}
target=${2:-$root/target}
shift $(($# < 2 ? $# : 2))
libraries=${*:-gnttab evtchn store vchan}
version=${XEN_VERSION:-4.17}
profile=${PROFILE:-release}
directory=$profile
[ "$profile" != dev ] || directory=debug

# The names of NAME: package, archive, soname, version script.
describe() {
    case $1 in
        gnttab) package=xen-gnttab-abi archive=xen_gnttab_abi soname=libxengnttab.so.1 ;;
        evtchn) package=xen-evtchn-abi archive=xen_evtchn_abi soname=libxenevtchn.so.1 ;;
        store) package=xen-store-abi archive=xen_store_abi soname=libxenstore.so.4 ;;
        vchan) package=vchan-capi archive=vchan_capi soname=libxenvchan.so.$version ;;
        *) echo "build.sh: no library called $1" >&2; exit 2 ;;
    esac
    map=$here/$1/exports.map
    [ "$1" != vchan ] || map=$here/../capi/exports.map
}

# Every symbol of the version script must be defined in the shared object, with its version.
check() {
    nm -D --defined-only --with-symbol-versions "$1" | awk '{ print $3 }' | sort >"$work/found"
    awk '/^VERS_/ { version = $1 }
         /^ *[a-z_0-9]+;$/ { sub(/;/, "", $1); print $1 "@@" version }' "$2" | sort >"$work/wanted"
    missing=$(comm -13 "$work/found" "$work/wanted")
    [ -z "$missing" ] || { echo "$1 lacks:" $missing >&2; exit 1; }
    readelf -d "$1" | grep -q "SONAME.*\[$soname\]" || { echo "$1: wrong soname" >&2; exit 1; }
}

mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

packages=
for library in $libraries; do
    describe "$library"
    packages="$packages -p $package"
done
# shellcheck disable=SC2086
${CARGO:-cargo} build --manifest-path "$root/Cargo.toml" --target-dir "$target" \
    --profile "$profile" --lib $packages

for library in $libraries; do
    describe "$library"
    sed "s/@VERSION@/$version/" "$map" >"$work/exports.map"
    ${CC:-cc} -shared -o "$out/$soname" -Wl,-soname="$soname" \
        -Wl,--version-script="$work/exports.map" \
        -Wl,--whole-archive "$target/$directory/lib$archive.a" -Wl,--no-whole-archive \
        -Wl,--gc-sections -Wl,-z,defs -lgcc_s -lpthread -lm -ldl -lc
    check "$out/$soname" "$work/exports.map"
    ln -sf "$soname" "$out/${soname%%.so*}.so"
done
