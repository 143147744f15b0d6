#!/usr/bin/env bash
# Brings one service of this machine to the files that it gets on standard input. Safe to repeat, safe to kill at any
# point: a file is either the old one or the new one, and what was moved but not yet applied is remembered.
#
#   converge SERVICE            the service's files and its script; checks, moves, applies
#   converge SERVICE --secrets  files with secrets; moves them, and leaves the applying to the call above
#   converge SERVICE --passing  like the first, for files that hold only during a rollout: what is kept stays as it was
#   converge SERVICE --again    without input: the first two once more, with the bundles that were kept
#
# The last bundles that declared the service's state are kept in its state directory, for root only, as declared.main and
# declared.secrets: with them a change by hand is seen, and put back. The file passing stands there while files are in place
# for a while only.
#
# Bundle format: lines before the first header are comments. A header is `=== PATH OWNER:GROUP MODE`; the lines after
# it, up to the next header, are that file.
#
# The service's script is the file /usr/local/lib/pgkeel/services/SERVICE of the bundle. It is called as
#   SCRIPT check STAGE           before anything is moved: the new files stand below STAGE at their absolute paths
#   SCRIPT apply [CHANGED...]    after: the paths that changed or went since the last apply that succeeded
#
# Exit status: 0 done, 64 wrong call, 65 a file was refused by its check (nothing was moved), 66 no bundle was kept, 75
# another run is at work, else as the script says.
set -euo pipefail
umask 022

# PGKEEL_ROOT puts everything below another directory: for the tests of this program.
readonly root=${PGKEEL_ROOT:-}

readonly usage="usage: converge SERVICE [--secrets | --passing] < BUNDLE, or converge SERVICE --again"
readonly service=${1:?$usage}
readonly call=${2:-main}
readonly state=$root/var/lib/pgkeel/$service
readonly script=/usr/local/lib/pgkeel/services/$service
readonly pending=$state/pending

case $call in
main | --secrets | --passing | --again) ;;
*)
  echo "converge: unknown option $call; $usage" >&2
  exit 64
  ;;
esac

# Splits the bundle of standard input below $stage: a tree as the machine is to have it, and the list of its files.
unpack() {
  local number path owner mode
  rm -rf "${stage:?}"/*
  # For root alone, as the secrets in it: the check below lets others look into the stage.
  (umask 077 && cat >"$stage/bundle")
  LC_ALL=C awk -v dir="$stage" '
    /^=== / {
      if (NF != 4 || $2 !~ /^\//) { print "converge: bad header: " $0 > "/dev/stderr"; exit 1 }
      if (out) close(out)
      n++; out = dir "/content." n
      print n, $2, $3, $4 > (dir "/list")
      printf "" > out
      next
    }
    n { print > out }
  ' "$stage/bundle" || exit 64
  [ -f "$stage/list" ] || {
    echo "converge $service: the bundle has no file" >&2
    exit 64
  }
  # The tree that the check sees.
  mkdir "$stage/tree"
  while read -r number path owner mode; do
    mkdir -p "$stage/tree$(dirname "$path")"
    mv "$stage/content.$number" "$stage/tree$path"
    chmod "$mode" "$stage/tree$path"
    [ -n "$root" ] || chown "$owner" "$stage/tree$path" || {
      echo "converge $service: $path: the owner $owner does not exist on this machine; is the service's package installed?" >&2
      exit 65
    }
  done <"$stage/list"
}

check() {
  [ -f "$stage/tree$script" ] || {
    echo "converge $service: the bundle lacks the script $script" >&2
    exit 64
  }
  # The service's own user must be able to read what its program checks.
  chmod 0755 "$state" "$stage" "$stage/tree"
  if ! bash "$stage/tree$script" check "$stage/tree"; then
    chmod 0700 "$state"
    echo "converge $service: the check refused the new files; nothing was changed on this machine" >&2
    exit 65
  fi
  chmod 0700 "$state"
}

# What a file has that its bundle names beside its content.
attributes() { if [ -n "$root" ]; then stat -c "$2 %04a" "$1"; else stat -c '%U:%G %04a' "$1"; fi; }

# Moves what differs. The pending list is written before the move, so that a kill in between costs one apply too many
# and never one too few.
place() {
  local manifest=$1 path owner mode new old
  while read -r _ path owner mode; do
    new=$stage/tree$path
    old=$root$path
    if [ -f "$old" ] && cmp -s "$new" "$old" && [ "$(attributes "$old" "$owner")" = "$owner $mode" ]; then
      continue
    fi
    printf '%s\n' "$path" >>"$pending"
    mkdir -p "$(dirname "$old")"
    # Beside its place, so that the move is a rename.
    cp -p "$new" "$old.pgkeel-new"
    mv -fT "$old.pgkeel-new" "$old"
    echo "changed $path"
  done <"$stage/list"

  # Files that the service owned and no longer has.
  cut -d' ' -f2 "$stage/list" | sort >"$stage/manifest"
  if [ -f "$manifest" ]; then
    while read -r path; do
      [ -e "$root$path" ] || continue
      printf '%s\n' "$path" >>"$pending"
      rm -f "$root$path"
      echo "removed $path"
    done < <(comm -23 "$manifest" "$stage/manifest")
  fi
  mv "$stage/manifest" "$manifest"
}

secrets() {
  unpack
  place "$state/manifest.--secrets"
  mv "$stage/bundle" "$state/declared.secrets"
}

main() {
  local changed
  unpack
  check
  # Before the first file, so that a kill leaves no passing file without its mark.
  [ "$call" != --passing ] || touch "$state/passing"
  place "$state/manifest.main"
  if [ "$call" != --passing ]; then
    mv "$stage/bundle" "$state/declared.main"
    rm -f "$state/passing"
  fi
  touch "$pending"
  mapfile -t changed < <(sort -u "$pending")
  bash "$root$script" apply ${changed[@]+"${changed[@]}"}
  rm -f "$pending"
}

mkdir -p "$state"
chmod 0700 "$state"
# One at a time for each service: a run that was killed on the other side may still be at work here.
exec 9>"$state/lock"
if ! flock -w 60 9; then
  echo "converge $service: another run has been at work on this machine for 60 s; wait for it or end it (process $(cat "$state/pid" 2>/dev/null || echo unknown))" >&2
  exit 75
fi
echo $$ >"$state/pid"

stage=$(mktemp -d "$state/stage.XXXXXX")
trap 'rm -rf "$stage"' EXIT
# Stages of killed runs.
for old in "$state"/stage.*; do [ "$old" = "$stage" ] || rm -rf "$old"; done

case $call in
main | --passing) main ;;
--secrets) secrets ;;
--again)
  [ -f "$state/declared.main" ] || {
    echo "converge $service: this machine has kept no files of it; a changed declaration of the service, or a new machine, brings them" >&2
    exit 66
  }
  [ ! -f "$state/declared.secrets" ] || secrets <"$state/declared.secrets"
  main <"$state/declared.main"
  ;;
esac
