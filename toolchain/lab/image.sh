#!/bin/bash
# The image that lab machines are cloned from: built once, kept in the cache outside the checkout, named by a hash of its recipe.
#   image.sh ensure   builds it unless it is there; prints its root directory
#   image.sh path     prints the root directory of the current recipe, built or not
#   image.sh prune    removes images of other recipes that no lab machine uses
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set: the image is kept in its .cache}/.cache}/pgkeel
# Comments do not count.
recipe=$(cat "$here"/image-packages.txt "$here"/image-build.sh "$here"/image-setup.sh | grep -v '^ *#' | sha256sum | cut -c1-12)
image=$cache/image-$recipe
started=$SECONDS

say() { printf '%s lab image: %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# One build at a time, on this cache. The lock is the kernel's: it goes with its process, however that ends.
take_lock() {
  mkdir -p "$cache"
  exec 9> "$cache/image.lock"
  if ! flock -n 9; then
    say "another build is running; waiting for it"
    flock 9
  fi
}

check_host() {
  [ "$(id -u)" = 0 ] || fail "needs root, to make device nodes and mounts; run it as root"
  for program in mmdebstrap flock unshare; do
    command -v "$program" > /dev/null ||
      fail "the program $program is missing; install the packages of toolchain/lab/packages.txt (npm run setup does)"
  done
  local free_mb
  free_mb=$(df --output=avail -BM "$cache" | tail -1 | tr -dc 0-9)
  [ "$free_mb" -ge 3000 ] || fail "only $free_mb MB are free below $cache; 3000 MB are needed"
}

# What an interrupted build left. It ran in a mount namespace of its own, which ended with it, so nothing is mounted below.
remove_unfinished() {
  local left
  for left in "$cache"/image-*.part; do
    [ -d "$left" ] || continue
    if grep -q " $left/" /proc/self/mounts; then fail "$left still has mounts below it; unmount them first"; fi
    say "removing an unfinished build"
    rm -rf --one-file-system "$left"
  done
}

ensure() {
  if [ ! -d "$image/root" ]; then
    mkdir -p "$cache"
    check_host
    take_lock
    started=$SECONDS
  fi
  if [ ! -d "$image/root" ]; then
    remove_unfinished
    mkdir "$image.part"
    say "building $image (Debian 13 with $(grep -c '^[a-z]' "$here/image-packages.txt") named packages; one to five minutes)"
    build
    mv -T "$image.part" "$image"
    say "built in $((SECONDS - started)) s, $(du -sm "$image/root" | cut -f1) MB"
  fi
  echo "$image/root"
}

build() {
  local log=$image.part/build.log child
  # It keeps the lock: should this script be killed, the next one waits until the build has ended too.
  unshare --mount --propagation private "$here/image-build.sh" "$image.part/root" > "$log" 2>&1 &
  child=$!
  # An interrupt ends the build with us; what it wrote is removed by the next run.
  trap 'kill "$child" 2> /dev/null; wait "$child" 2> /dev/null; exit 130' INT TERM HUP
  while kill -0 "$child" 2> /dev/null; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      kill -0 "$child" 2> /dev/null || break
      sleep 1
    done
    if kill -0 "$child" 2> /dev/null; then
      say "$((SECONDS - started)) s, $(packages '') packages unpacked, $(packages installed) set up"
    fi
  done
  trap - INT TERM HUP
  wait "$child" || {
    tail -20 "$log" >&2
    fail "the build failed; the end of its log is above, all of it in $log"
  }
  # shellcheck disable=SC2016
  chroot "$image.part/root" dpkg-query -W -f '${Package} ${Version}\n' > "$image.part/packages"
}

# How many packages of the unfinished root are in a state, by dpkg's own list.
packages() {
  grep -sc "^Status: install ok $1" "$image.part/root/var/lib/dpkg/status" || true
}

prune() {
  take_lock
  remove_unfinished
  local old
  for old in "$cache"/image-*; do
    [ -d "$old" ] || continue
    [ "$old" != "$image" ] || continue
    if grep -qs "\"$old/root\"" /var/lib/pgkeel-lab/*/machines/*/machine.json ||
      grep -q "lowerdir=$old/root" /proc/mounts; then
      say "keeping $old: a lab machine uses it"
    else
      say "removing $old"
      rm -rf --one-file-system "$old"
    fi
  done
}

main() {
  case ${1:-} in
    ensure) ensure ;;
    path) echo "$image/root" ;;
    prune) prune ;;
    *) fail "usage: image.sh ensure | path | prune" ;;
  esac
}

# On one line: bash has read all of this file before the work starts, and a checkout that changes it meanwhile does not matter.
main "$@"; exit
