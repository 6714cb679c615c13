#!/usr/bin/env bash
# install_outside.sh CMAKE BUILD FOLDER COMPILER GENERATOR: installs BUILD into FOLDER/prefix, builds outside/ against
# what was installed, without a view of the source tree, and runs it and the installed program.
set -euo pipefail
cmake=$1 build=$2 folder=$3 compiler=$4 generator=$5
source=$(cd "$(dirname "$0")" && pwd)

rm -rf "$folder"
mkdir -p "$folder"
"$cmake" --install "$build" --prefix "$folder/installed" > "$folder/install.log"
# Moved: a package that remembers where it was installed would not be found.
mv "$folder/installed" "$folder/prefix"
cp -r "$source/outside" "$folder/outside"

"$cmake" -S "$folder/outside" -B "$folder/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$folder/prefix" > "$folder/configure.log"
"$cmake" --build "$folder/build"

# The outside program and the installed one compile the same product for the same chip.
cycles=$("$folder/build/outside" systolic-8)
[[ $cycles =~ ^[1-9][0-9]*$ ]] || { echo "not a number of cycles: $cycles" >&2; exit 1; }
"$folder/prefix/bin/systole" gemm 64 64 64 --chip systolic-8 --timing-only --json | grep -q "\"cycles\": *$cycles\b" || {
  echo "the installed program reports other than $cycles cycles" >&2
  exit 1
}

# A chip that is not there is an error with exit status 2, not a crash.
status=0
"$folder/build/outside" no-such-chip 2> "$folder/error.log" || status=$?
[ "$status" -eq 2 ] && grep -q no-such-chip "$folder/error.log"
