// The host at the AXI4-Lite slave of a Verilated chip (docs/axi.md): writes and reads of 32-bit words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "axi_checker.h"

namespace axi {

// Byte addresses of the map.
constexpr std::uint32_t kId = 0x00, kVersion = 0x04, kControl = 0x08, kStatus = 0x0C, kCyclesLow = 0x10, kCyclesHigh = 0x14, kProgramWords = 0x18,
                        kMicroWords = 0x1C, kArray = 0x20, kBus = 0x24, kMicroBase = 0x10000, kProgramBase = 0x200000;
constexpr std::uint32_t kSystole = 0x53595354;   // kId reads so: "SYST"
constexpr std::uint32_t kRunning = 1, kHalted = 2, kTransferError = 4;   // kStatus

struct Word { std::uint32_t address, value; };

// `Chip` has the pins s_axi_*; `edge` gives it a clock. Every clock is shown to a checker.
template <typename Chip>
class Host {
 public:
  Host(Chip& chip, std::function<void()> edge) : chip_(chip), edge_(std::move(edge)) {}

  // All words, one a clock. "" or what went wrong.
  std::string write(const std::vector<Word>& words) {
    std::size_t addresses = 0, data = 0, answers = 0;
    while (answers < words.size()) {
      chip_.s_axi_awvalid = addresses < words.size();
      if (addresses < words.size()) chip_.s_axi_awaddr = words[addresses].address;
      chip_.s_axi_wvalid = data < words.size();
      if (data < words.size()) chip_.s_axi_wdata = words[data].value;
      chip_.s_axi_wstrb = 0xF;
      chip_.s_axi_bready = 1;
      const Wires now = clock();
      if (!problem_.empty()) return problem_;
      addresses += now.aw.valid && now.aw.ready ? 1 : 0;
      data += now.w.valid && now.w.ready ? 1 : 0;
      if (!now.b.valid) continue;
      if (now.b.response != kOkay) return "a write to " + std::to_string(words[answers].address) + " was refused";
      ++answers;
    }
    chip_.s_axi_bready = 0;
    return {};
  }

  std::string read(std::uint32_t address, std::uint32_t& value) {
    chip_.s_axi_araddr = address;
    chip_.s_axi_arvalid = 1;
    chip_.s_axi_rready = 1;
    for (;;) {
      const Wires now = clock();
      if (!problem_.empty()) return problem_;
      if (now.ar.valid && now.ar.ready) chip_.s_axi_arvalid = 0;
      if (!now.r.valid) continue;
      value = 0;
      for (int i = 3; i >= 0; --i) value = value << 8 | now.r.bytes[static_cast<std::size_t>(i)];
      chip_.s_axi_rready = 0;
      return now.r.response == kOkay ? std::string() : "a read of " + std::to_string(address) + " was refused";
    }
  }

 private:
  Wires clock() {
    chip_.eval();
    Wires w;
    w.aw.valid = chip_.s_axi_awvalid, w.aw.ready = chip_.s_axi_awready, w.aw.address = chip_.s_axi_awaddr, w.aw.size = 2;
    w.ar.valid = chip_.s_axi_arvalid, w.ar.ready = chip_.s_axi_arready, w.ar.address = chip_.s_axi_araddr, w.ar.size = 2;
    w.w.valid = chip_.s_axi_wvalid, w.w.ready = chip_.s_axi_wready, w.w.strobes = chip_.s_axi_wstrb;
    w.b.valid = chip_.s_axi_bvalid, w.b.ready = chip_.s_axi_bready, w.b.response = chip_.s_axi_bresp;
    w.r.valid = chip_.s_axi_rvalid, w.r.ready = chip_.s_axi_rready, w.r.response = chip_.s_axi_rresp;
    for (std::size_t i = 0; i < 4; ++i) {
      w.w.bytes[i] = static_cast<std::uint8_t>(chip_.s_axi_wdata >> (8 * i));
      w.r.bytes[i] = static_cast<std::uint8_t>(chip_.s_axi_rdata >> (8 * i));
    }
    problem_ = checker_.clock(w);
    if (!problem_.empty()) problem_ = "s_axi: " + problem_;
    edge_();
    return w;
  }

  Chip& chip_;
  std::function<void()> edge_;
  Checker checker_{4};
  std::string problem_;
};

}  // namespace axi
