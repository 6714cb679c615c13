#!/usr/bin/env bash
# Runs every libFuzzer target of a build folder for the given seconds, two at a time; a crash fails with its input's path.
set -euo pipefail
folder=$1 seconds=$2
found=0
for target in "$folder"/*_fuzz "$folder"/fuzz/*_fuzz; do
  [ -x "$target" ] || continue
  found=$((found + 1))
  targets+=("$target")
done
[ "$found" -gt 0 ] || { echo "no fuzz target in $folder" >&2; exit 1; }
mkdir -p "$folder/corpus" "$folder/artifacts"
run_one() {
  local name; name=$(basename "$1")
  mkdir -p "$2/corpus/$name"
  if "$1" -max_total_time="$3" -rss_limit_mb=4096 -timeout=20 -artifact_prefix="$2/artifacts/$name-" "$2/corpus/$name" > "$2/$name.log" 2>&1; then
    echo "$name: $(grep -E '^Done' "$2/$name.log" || tail -n 1 "$2/$name.log")"
  else
    tail -n 40 "$2/$name.log"; echo "$name: failed" >&2; return 1
  fi
}
export -f run_one
printf '%s\n' "${targets[@]}" | xargs -P 2 -I TARGET bash -c 'run_one TARGET "$0" "$1"' "$folder" "$seconds"
