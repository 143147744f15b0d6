#!/bin/bash
# Removes everything of a lab from this host: processes, mounts, loop devices, bridge, firewall rules, control groups and files. Works after
# killed runs and without Pulumi's state. Usage: sweep.sh <cluster> | --all
set -euo pipefail
here=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
export PATH=$root/node_modules/.bin:$PATH
cd -- "$root"
exec node --require tsx/cjs toolchain/lab/sweep.ts "$@"
