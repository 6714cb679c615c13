#!/usr/bin/env bash
# synth.sh SYSTOLE: synthesises the small chips of the catalogue and parts of them into out/synth, a folder each with netlist or bitstream, logs
# and table. About half an hour of one processor.
set -euo pipefail
systole=$1
out=out/synth

synth() {   # FOLDER EXPECTED_STATUS ARGUMENTS...
  local folder=$out/$1 expected=$2 status=0
  shift 2
  mkdir -p "$folder"
  "$systole" synth "$@" -o "$folder" > "$folder/table.txt" || status=$?
  cat "$folder/table.txt"
  [ "$status" -eq "$expected" ] || { echo "synth $*: exit status $status" >&2; exit 1; }
}

synth tinytpu 0 --chip tinytpu
synth tinytpu-bram 0 --chip tinytpu-bram
synth tinytpu-bram-hx8k 0 --chip tinytpu-bram --fpga ice40-hx8k
synth systolic-4-array 0 --chip systolic-4 --top array
synth systolic-4-array-hx8k 0 --chip systolic-4 --formats i8 --top array --fpga ice40-hx8k
synth systolic-4-matrix-hx8k 0 --chip systolic-4 --formats i8 --top array+feeder+push+staging+turn+interlock --fpga ice40-hx8k
synth systolic-2-q88 0 --chip systolic-2-q88
synth systolic-4 0 --chip systolic-4
synth systolic-4-hx8k 1 --chip systolic-4 --fpga ice40-hx8k   # 1: does not fit; the table says by how much
