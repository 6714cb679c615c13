// Clocks the Verilated array (array.sv) with given stimuli.
//
// usage: Varray STIMULI sums CYCLES FILE      the sums at the bottom after each edge, a 32-bit word a column, to FILE
//        Varray STIMULI time CYCLES REPEATS   processor seconds of CYCLES edges, a line a repetition; the array stays fed from one to the next
// STIMULI: four 64-bit numbers: cycles T, period P, rows, columns; then T times what stands on the port `rows`, then on `weights`, each as
// long as Verilator's port. After the last cycle the last P are repeated.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "Varray.h"
#include "verilated.h"

namespace {

class Bench {
 public:
  bool load(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (file == nullptr || std::fread(header_, sizeof(header_), 1, file) != 1) return false;
    stimuli_.resize(header_[0] * kBytes);
    const bool whole = std::fread(stimuli_.data(), 1, stimuli_.size(), file) == stimuli_.size();
    std::fclose(file);
    return whole;
  }
  std::uint64_t columns() const { return header_[3]; }
  void clock() {
    const std::uint8_t* now = stimuli_.data() + next_ * kBytes;
    std::memcpy(&array_.rows, now, sizeof(array_.rows));
    std::memcpy(&array_.weights, now + sizeof(array_.rows), sizeof(array_.weights));
    if (++next_ == header_[0]) next_ -= header_[1];
    edge();
  }
  const std::uint32_t* sums() const { return reinterpret_cast<const std::uint32_t*>(&array_.sums); }

 private:
  static constexpr std::size_t kBytes = sizeof(Varray::rows) + sizeof(Varray::weights);
  void edge() {
    array_.clk = 0;
    array_.eval();
    array_.clk = 1;
    array_.eval();
  }

  Varray array_;
  std::uint64_t header_[4] = {}, next_ = 0;
  std::vector<std::uint8_t> stimuli_;
};

double seconds() {
  std::timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

int main(int count, char** arguments) {
  Bench bench;
  if (count != 5 || !bench.load(arguments[1])) return 2;
  const std::uint64_t cycles = std::strtoull(arguments[3], nullptr, 10);
  if (std::string(arguments[2]) == "sums") {
    std::FILE* file = std::fopen(arguments[4], "wb");
    for (std::uint64_t t = 0; t < cycles && file != nullptr; ++t) {
      bench.clock();
      std::fwrite(bench.sums(), sizeof(std::uint32_t), bench.columns(), file);
    }
    return file != nullptr && std::fclose(file) == 0 ? 0 : 2;
  }
  for (std::uint64_t k = std::strtoull(arguments[4], nullptr, 10); k > 0; --k) {
    const double began = seconds();
    for (std::uint64_t t = 0; t < cycles; ++t) bench.clock();
    std::printf("%.9f\n", seconds() - began);
  }
  return 0;
}
