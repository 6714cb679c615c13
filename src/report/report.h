// What a run cost, as JSON (DESIGN's command line contract), as a table for a terminal, and as a Perfetto trace.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "runtime/session.h"

namespace systole::report {

// Keys of run, exec and gemm: chip, engine, format, cycles, seconds, macs, mxu_utilization, units, bytes, energy_joules, layers,
// outputs (name, shape, type, sha256), host_operators, program_bytes, compile_seconds, simulate_seconds; with checks per output
// max_abs_error, max_rel_error, check_passed.
nlohmann::ordered_json run_json(const runtime::Session& session, const runtime::RunResult& result, const std::string& engine);
std::string run_table(const runtime::Session& session, const runtime::RunResult& result);

// Chrome trace-event JSON for Perfetto: one track per unit, slices named by instruction and ONNX nodes; times in microseconds.
std::string trace_json(const machine::Trace& trace, const isa::Program& program, const Chip& chip);

std::string sha256_hex(std::span<const std::uint8_t> bytes);

}  // namespace systole::report
