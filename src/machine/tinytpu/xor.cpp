#include "machine/tinytpu/xor.h"

#include <fmt/format.h>

#include "numeric/formats.h"

namespace systole::tinytpu {
namespace {

constexpr int kOne = 256;
constexpr int kX = 0, kY = 8, kW1 = 12, kB1 = 16, kW2 = 18, kB2 = 20, kFirstResult = 21, kSecondResult = 29;

std::string load_source(const XorSettings& s) {
  const auto& p = s.parameters;
  std::string text = fmt::format(
      "; the host writes X, Y, W1, B1, W2 and B2: the second channel's word stands first\n"
      "write1=0 pathway=1100 scale={} leak={}\n"
      "write1=0 write2=0\n"
      "write1={} write2={}\n"
      "write1={} write2=0\n"
      "write1=0 write2={}\n"
      "write1={}\n"
      "write1={}\n"
      "write1=0\n",
      s.loss_scale, s.leak, kOne, kOne, kOne, kOne, kOne, kOne);
  text += fmt::format(
      "write1={}\n"
      "write1={} write2={}\n"
      "write1={} write2={}\n"
      "write1={} write2={}\n"
      "write1={} write2={}\n"
      "idle\n",
      p[0], p[2], p[1], p[4], p[3], p[6], p[5], p[8], p[7]);
  return text;
}

// The end of a phase: a wait of the sequencer, or as many idle words as it lasts.
class Phases {
 public:
  explicit Phases(bool waits, std::string indent) : waits_(waits), indent_(std::move(indent)) {}

  void phase(std::string_view title, const std::vector<std::string>& words, int idle_clocks) {
    text_ += fmt::format("{}; {}\n", indent_, title);
    for (std::size_t i = 0; i < words.size(); ++i) {
      text_ += fmt::format("{}{}{}\n", indent_, words[i], waits_ && i + 1 == words.size() ? " wait" : "");
    }
    for (int i = 0; !waits_ && i < idle_clocks; ++i) text_ += indent_ + "idle\n";
  }
  const std::string& text() const { return text_; }

 private:
  bool waits_;
  std::string indent_, text_;
};

void forward_hidden(Phases& phases) {
  phases.phase("hidden layer: H1 = leaky(X W1' + B1)",
               {fmt::format("read weight at={} rows=2 cols=2 transpose pathway=1100", kW1), "idle", fmt::format("read input at={} rows=4 cols=2", kX), "switch",
                fmt::format("read bias at={} rows=4 cols=2", kB1)},
               6);
}

void weight_gradient(Phases& phases, std::string_view title, int activations, int deltas, int columns, int parameters) {
  phases.phase(title,
               {fmt::format("read weight at={} rows=2 cols=2", activations), "idle", fmt::format("read input at={} rows=2 cols={} transpose pathway=0000", deltas, columns), "switch",
                fmt::format("read old_weight at={} rows={} cols=2", parameters, columns)},
               columns);
}

std::string step_source(bool waits, const std::string& indent) {
  Phases phases(waits, indent);
  forward_hidden(phases);
  phases.phase("last layer, loss and its derivative: dZ2; B2 descends",
               {fmt::format("read weight at={} rows=1 cols=2 transpose", kW2), "idle", fmt::format("read input at={} rows=4 cols=2 pathway=1111", kFirstResult), "switch",
                fmt::format("read bias at={} rows=4 cols=1", kB2), "idle", fmt::format("read target at={} rows=4 cols=1", kY), "idle",
                fmt::format("read old_bias at={} rows=4 cols=1", kB2)},
               4);
  phases.phase("back through W2: dZ1; B1 descends",
               {fmt::format("read weight at={} rows=1 cols=2", kW2), "idle", "read input at=29 rows=4 cols=1 pathway=0001", "switch",
                fmt::format("read activation at={} rows=4 cols=2", kFirstResult), fmt::format("read old_bias at={} rows=4 cols=2", kB1)},
               4);
  weight_gradient(phases, "dW1 of samples 0 and 1; W1 descends", kX, 33, 2, kW1);
  weight_gradient(phases, "dW1 of samples 2 and 3; W1 descends", kX + 4, 37, 2, kW1);
  weight_gradient(phases, "dW2 of samples 0 and 1; W2 descends", kFirstResult, 29, 1, kW2);
  weight_gradient(phases, "dW2 of samples 2 and 3; W2 descends", kFirstResult + 4, 31, 1, kW2);
  return phases.text();
}

std::string forward_source() {
  Phases phases(true, "");
  forward_hidden(phases);
  phases.phase("predictions: H2 = leaky(H1 W2' + B2)",
               {fmt::format("read weight at={} rows=1 cols=2 transpose", kW2), "idle", fmt::format("read input at={} rows=4 cols=2", kFirstResult), "switch",
                fmt::format("read bias at={} rows=4 cols=1", kB2)},
               0);
  return phases.text();
}

}  // namespace

std::string xor_step_source(const XorSettings& settings) {
  return "; One training step of exclusive or, in 94-bit words alone: each line is one clock.\n" + load_source(settings) + step_source(false, "");
}

std::string xor_train_source(std::int64_t steps, const XorSettings& settings) {
  std::string text = "; Exclusive or: training in a loop, then the predictions.\n";
  text += fmt::format(".mse predictions={} targets={} count=4\n", kSecondResult, kY);
  text += load_source(settings);
  if (steps > 0) {
    text += fmt::format("loop {}\n{}  ; the next step's results over these\n  pointer {}\nend\n", steps, step_source(true, "  "), kFirstResult);
  }
  return text + forward_source() + "halt\n";
}

double xor_error(const std::array<std::int16_t, kMemoryWords>& memory, const XorSettings& settings) {
  const auto neuron = [&](const std::array<std::int16_t, 2>& in, int weights, int bias) {
    const std::int16_t sum =
        fixed_add(fixed_mul(in[1], memory[weights + 1], kFraction), fixed_mul(in[0], memory[weights], kFraction));
    const std::int16_t z = fixed_add(sum, memory[bias]);
    return z >= 0 ? z : fixed_mul(z, settings.leak, kFraction);
  };
  double total = 0;
  for (int sample = 0; sample < 4; ++sample) {
    const std::array<std::int16_t, 2> x = {memory[kX + 2 * sample], memory[kX + 2 * sample + 1]};
    const std::array<std::int16_t, 2> hidden = {neuron(x, kW1, kB1), neuron(x, kW1 + 2, kB1 + 1)};
    const double difference = (neuron(hidden, kW2, kB2) - memory[kY + sample]) / 256.0;
    total += difference * difference;
  }
  return total / 4;
}

double mean_squared_error(const std::array<std::int16_t, kMemoryWords>& memory, const ErrorSpec& spec) {
  double total = 0;
  for (std::int64_t i = 0; i < spec.count; ++i) {
    const double difference = (memory[static_cast<std::size_t>(spec.predictions + i)] - memory[static_cast<std::size_t>(spec.targets + i)]) / 256.0;
    total += difference * difference;
  }
  return total / static_cast<double>(spec.count);
}

}  // namespace systole::tinytpu
