#!/usr/bin/env bash
# bench.sh BUILD_DIR: runs every benchmark; each checks its results before it times. About three minutes, and three for the Verilated arrays the first time.
set -euo pipefail
build=${1:?usage: bench.sh BUILD_DIR}
options=(--benchmark_repetitions=3 --benchmark_min_time=0.1 --benchmark_report_aggregates_only=true)

echo "== arithmetic: weight tiles, micro-operations"
"$build/numeric_bench" "${options[@]}"
echo "== event engine: time pass, value pass, hazard check"
"$build/event_bench" "${options[@]}"
"$build/register_bench" "${options[@]}"
echo "== register engine's array against the Verilated one"
"$build/register_vs_verilator" 16 32
"$build/register_vs_verilator" --alone 64 128 256
echo "== models: compile, time pass, value pass"
"$build/compile_bench"
