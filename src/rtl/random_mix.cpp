#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "rtl/random_canvas.h"
#include "rtl/random_parts.h"

namespace systole::rtl {
namespace {

using isa::Space;

// Words of every opcode and format that the hardware has, on all units, straight-line and in loops, for one core. Far memory: the input;
// results of the cores, twice; what each core's buffer and accumulators hold at the end. Between two barriers a core writes to its own
// results of the one kind, and reads those and all cores' of the other kind.
class Mix {
 public:
  Mix(Random& random, const Chip& chip, std::vector<MicroOp>& microcode, std::int64_t core)
      : random_(random), chip_(chip), core_(core), canvas_{.random = random, .chip = chip, .microcode = microcode} {
    const std::int64_t rows = chip.mxu.rows, columns = chip.mxu.columns;
    if (chip.multiplies(DType::kI8) || chip.multiplies(DType::kU8)) families_.push_back(DType::kI8);
    if (chip.multiplies(chip.fixed_format())) families_.push_back(chip.fixed_format());
    if (chip.multiplies(DType::kBF16) && std::max(rows, columns) <= kMostFloatSide) families_.push_back(DType::kBF16);
    if (random.chance(0.5)) families_ = {families_[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(families_.size()) - 1))]};
    canvas_.vmem = std::min(chip.vmem_bytes / 64 * 64, std::clamp<std::int64_t>(align(16 * rows * columns), 1024, 8192));
    canvas_.accumulator_rows = std::min<std::int64_t>(chip.mxu.accumulator_rows, 40);
    canvas_.writer = &writer_;
    const std::int64_t dump = canvas_.vmem + align(canvas_.accumulator_rows * columns * 4);
    vmem_dump_ = canvas_.vmem + 2 * chip.cores * kOut + core * dump;
    accumulator_dump_ = vmem_dump_ + canvas_.vmem;
    end_ = canvas_.vmem + 2 * chip.cores * kOut + chip.cores * dump;
  }

  void write(std::int64_t words, std::int64_t phases) {
    fill();
    pad();
    for (phase_ = 0; phase_ < phases; ++phase_) {
      if (phase_ > 0) writer_.add_barrier();
      for (const std::size_t last = writer_.size() + static_cast<std::size_t>(words / phases); writer_.size() < last;) {
        if (random_.chance(0.04)) loops();
        else word();
      }
    }
    dump();
  }
  isa::CoreCode code() {
    isa::CoreCode core;
    core.code = writer_.take();
    core.code.push_back({isa::Halt{}});
    core.layer.assign(core.code.size(), 0);
    return core;
  }
  std::int64_t input_bytes() const { return canvas_.vmem; }
  std::int64_t end() const { return end_; }

 private:
  static constexpr std::int64_t kMostFloatSide = 8, kOut = 1024;

  // All of the buffer that is used, in pieces, so that the first words wait for theirs only.
  void fill() {
    const std::int64_t piece = align(canvas_.vmem / random_.integer(1, 6));
    for (std::int64_t at = 0; at < canvas_.vmem; at += piece) {
      const std::int64_t bytes = std::min(piece, canvas_.vmem - at);
      transfer(isa::Load{.far = at, .local = at, .bytes = bytes}, {{Space::kHbm, at, at + bytes, false}, {Space::kVmem, at, at + bytes, true}});
    }
  }
  void dump() {
    const std::int64_t piece = align(canvas_.vmem / random_.integer(1, 3));
    for (std::int64_t at = 0; at < canvas_.vmem; at += piece) {
      const std::int64_t bytes = std::min(piece, canvas_.vmem - at), far = vmem_dump_ + at;
      transfer(isa::Store{.far = far, .local = at, .bytes = bytes}, {{Space::kHbm, far, far + bytes, true}, {Space::kVmem, at, at + bytes, false}});
    }
    const std::int64_t bytes = chip_.mxu.columns * 4, rows = canvas_.accumulator_rows;
    transfer(isa::Store{.far = accumulator_dump_, .local_space = 3, .bytes = bytes, .rows = rows, .pitch = bytes},
             {{Space::kHbm, accumulator_dump_, accumulator_dump_ + rows * bytes, true}, {Space::kAccumulator, 0, rows, false}});
  }
  // The cores' results of a kind, from core 0's on.
  std::int64_t results(std::int64_t kind) const { return canvas_.vmem + (kind % 2) * chip_.cores * kOut; }

  void word() {
    TokenWriter& writer = *canvas_.writer;
    if (random_.chance(0.1)) writer.wait_for(any_unit());
    const double dice = random_.real();
    if (dice < 0.34) return chip_.vpu.present ? random_vector_words(canvas_) : product();
    if (dice < 0.64) return product();
    if (dice < 0.75) return random_.chance(0.3) ? gather() : load();
    if (dice < 0.86) return store();
    if (dice < 0.92) return pad();
    if (chip_.cores == 1 && random_.chance(0.1)) return writer.add(isa::Barrier{}, isa::kScalar);
    writer.add(isa::Nop{}, random_.chance(0.2) ? isa::kScalar : any_unit());
  }
  isa::UnitId any_unit() {
    const std::int64_t unit = random_.integer(0, chip_.dma_engines + (chip_.vpu.present ? 2 : 1));
    if (unit < chip_.dma_engines) return isa::dma_unit(static_cast<int>(unit));
    if (unit == chip_.dma_engines) return isa::push_unit(0);
    return unit == chip_.dma_engines + 1 ? isa::matrix_unit(0) : isa::kVector;
  }
  void transfer(const isa::Body& body, std::vector<Access> accesses) {
    canvas_.writer->add(body, isa::dma_unit(static_cast<int>(random_.integer(0, chip_.dma_engines - 1))), std::move(accesses));
  }

  // One or two loops around a few words, with stride sets that move their addresses.
  void loops() {
    std::vector<std::int64_t> counts;
    for (std::int64_t depth = random_.integer(1, 3); depth > 0; --depth) counts.push_back(random_.integer(1, depth == 1 ? 4 : 2));
    for (std::int64_t set = 1; set <= 3; ++set) {
      canvas_.bytes[static_cast<std::size_t>(set)] = strides(2 * set - 1, counts, 8 * set * set);
      canvas_.rows[static_cast<std::size_t>(set)] = strides(2 * set, counts, 1);
    }
    TokenWriter body;
    canvas_.writer = &body;
    pad();   // else the first words would see the last iteration's
    active_.reset();
    for (std::int64_t words = random_.integer(2, 8); words > 0; --words) word();
    if (random_.chance(0.1)) body.add(isa::Nop{}, isa::kScalar);
    canvas_.writer = &writer_;
    canvas_.bytes = canvas_.rows = {};
    writer_.add_loops(counts, std::move(body));
  }
  Stride strides(std::int64_t set, const std::vector<std::int64_t>& counts, std::int64_t most) {
    Stride stride{.set = set, .reach = {}};
    isa::Strides word{.set = set};
    std::int64_t* const levels[] = {&word.s0, &word.s1, &word.s2, &word.s3, &word.s4, &word.s5};
    for (std::size_t level = 0; level < isa::kLoopLevels; ++level) {
      *levels[level] = random_.integer(-most, most);
      if (level < counts.size()) stride.reach = stride.reach + steps(*levels[level], counts[level]);
    }
    writer_.add(word, isa::kScalar);
    return stride;
  }

  // From the input, from the core's results, or from all results of before the last barrier.
  std::int64_t place_to_read(Span span) {
    const double dice = random_.real();
    if (dice < 0.5) return canvas_.place(span, 0, canvas_.vmem);
    if (dice < 0.8) return canvas_.place(span, results(phase_) + core_ * kOut, results(phase_) + (core_ + 1) * kOut);
    return canvas_.place(span, results(phase_ + 1), results(phase_ + 1) + chip_.cores * kOut);
  }
  void load() {
    isa::Load w{.bytes = random_.integer(1, 3 * chip_.hbm.burst_bytes), .rows = random_.integer(1, 3), .planes = random_.chance(0.3) ? 2 : 1};
    w.bytes = std::min<std::int64_t>(w.bytes, 160);
    w.pitch = random_.integer(-40, 200), w.plane_pitch = random_.integer(-40, 300);
    const Stride far = canvas_.stride(canvas_.bytes), local = canvas_.stride(canvas_.bytes);
    w.far_strides = far.set, w.local_strides = local.set;
    const Span from = Span{0, w.bytes - 1} + steps(w.pitch, w.rows) + steps(w.plane_pitch, w.planes) + far.reach;
    const Span to = Span{0, w.bytes * w.rows * w.planes - 1} + local.reach;
    w.far = place_to_read(from), w.local = canvas_.place(to, 0, canvas_.vmem);
    if (w.far < 0 || w.local < 0) return;
    transfer(w, {{Space::kHbm, w.far + from.low, w.far + from.high + 1, false}, {Space::kVmem, w.local + to.low, w.local + to.high + 1, true}});
  }
  // Rows of a table by indices that are whatever words stand there: small numbers, or clamped to an end.
  void gather() {
    isa::Gather w{.pitch = random_.integer(0, 40), .limit = random_.integer(1, 8), .bytes = random_.integer(1, 48), .count = random_.integer(1, 6)};
    const Stride index = canvas_.stride(canvas_.bytes), local = canvas_.stride(canvas_.bytes);
    w.index_strides = index.set, w.local_strides = local.set;
    const Span table = Span{0, w.bytes - 1} + steps(w.pitch, w.limit), from = Span{0, w.count * 4 - 1} + index.reach;
    const Span to = Span{0, w.count * w.bytes - 1} + local.reach;
    const std::int64_t half = canvas_.vmem / 2, side = random_.chance(0.5) ? half : 0;   // what it reads it must not write
    w.far = place_to_read(table), w.index = canvas_.place(from, side, side + half), w.local = canvas_.place(to, half - side, half - side + half);
    if (w.far < 0 || w.index < 0 || w.local < 0) return;
    transfer(w, {{Space::kHbm, w.far + table.low, w.far + table.high + 1, false},
                 {Space::kVmem, w.index + from.low, w.index + from.high + 1, false},
                 {Space::kVmem, w.local + to.low, w.local + to.high + 1, true}});
  }
  void store() {
    const bool words = random_.chance(0.5);
    const std::int64_t most = words ? chip_.mxu.columns * 4 : std::min<std::int64_t>(3 * chip_.hbm.burst_bytes, 160);
    isa::Store w{.local_space = words ? 3 : 2, .bytes = random_.integer(1, most), .rows = random_.integer(1, 3), .planes = random_.chance(0.3) ? 2 : 1};
    w.pitch = w.bytes + random_.integer(0, 9), w.plane_pitch = w.pitch * w.rows + random_.integer(0, 9);   // no address twice
    const Stride far = canvas_.stride(canvas_.bytes), local = canvas_.stride(words ? canvas_.rows : canvas_.bytes);
    w.far_strides = far.set, w.local_strides = local.set;
    const Span to = Span{0, w.bytes - 1} + steps(w.pitch, w.rows) + steps(w.plane_pitch, w.planes) + far.reach;
    const std::int64_t count = w.rows * w.planes;
    const Span from = Span{0, (words ? count : count * w.bytes) - 1} + local.reach;
    w.far = canvas_.place(to, results(phase_) + core_ * kOut, results(phase_) + (core_ + 1) * kOut), w.local = canvas_.place(from, 0, words ? canvas_.accumulator_rows : canvas_.vmem);
    if (w.far < 0 || w.local < 0) return;
    transfer(w, {{Space::kHbm, w.far + to.low, w.far + to.high + 1, true},
                 {words ? Space::kAccumulator : Space::kVmem, w.local + from.low, w.local + from.high + 1, false}});
  }

  DType integer_type() { return random_type(random_, chip_); }
  // How an element of the family stands in VMEM.
  DType stored(DType family) {
    if (family == DType::kI8) return integer_type();
    return family == DType::kBF16 && random_.chance(0.4) ? DType::kF32 : family;
  }
  static DType format(DType family, DType type) { return family == DType::kI8 ? type : family; }

  // What the feeder reads from now on. Half of the pads describe a picture, of which a product reads what is inside.
  void pad() {
    family_ = families_[static_cast<std::size_t>(random_.integer(0, static_cast<std::int64_t>(families_.size()) - 1))];
    pad_type_ = stored(family_);
    const std::int64_t size = dtype_bytes(pad_type_);
    picture_ = random_.chance(0.5);
    pad_ = {.image_pitch = random_.integer(-30, 60), .row_pitch = random_.integer(-20, 90), .step_pitch = random_.integer(-4, 40),
            .type = static_cast<std::int64_t>(pad_type_)};
    if (picture_) {
      pad_.height = random_.integer(1, 6), pad_.width = random_.integer(1, 20);
      pad_.row_step = random_.integer(0, 2), pad_.column_step = random_.integer(0, 3);
      line_ = pad_.width * size + random_.integer(0, 5);
      pad_.row_pitch = pad_.row_step * line_, pad_.step_pitch = pad_.column_step * size, pad_.image_pitch = random_.integer(0, 90);
    }
    if (size == 1) pad_.value = random_.integer(0, 0xFF);
    if (size == 2) pad_.value = random_.integer(0, 0xFFFF);
    canvas_.writer->add(pad_, isa::matrix_unit(0));
  }
  // A tile, and products with it: the first takes it, the others follow with the weights of before or after.
  void product() {
    push();
    if (active_ == family_ && chip_.mxu.weight_double_buffer && random_.chance(0.3)) matmul(false);
    if (random_.chance(0.2)) word_without_array();
    matmul(true);
    active_ = family_;
    if (random_.chance(0.3)) matmul(false);
  }
  void word_without_array() {
    if (random_.chance(0.5)) return load();
    canvas_.writer->add(isa::Nop{}, any_unit());
  }
  void push() {
    const DType type = stored(family_);
    isa::Push w{.rows = random_.integer(1, chip_.mxu.rows), .columns = random_.integer(1, chip_.mxu.columns), .type = static_cast<std::int64_t>(type),
                .format = static_cast<std::int64_t>(format(family_, type))};
    if (random_.chance(0.5)) w.rows = chip_.mxu.rows, w.columns = chip_.mxu.columns;
    w.transpose = random_.chance(0.25) ? 1 : 0;
    const std::int64_t lines = w.transpose != 0 ? w.columns : w.rows, line = (w.transpose != 0 ? w.rows : w.columns) * dtype_bytes(type);
    w.pitch = line + random_.integer(0, 3);
    Stride moved = canvas_.stride(canvas_.bytes);
    const Span tile = Span{0, line - 1} + steps(w.pitch, lines);
    w.weights = canvas_.place(tile + moved.reach, 0, canvas_.vmem);
    if (w.weights < 0) {
      moved = {}, w.weights = canvas_.place(tile, 0, canvas_.vmem);
    }
    w.weights_strides = moved.set;
    const Span span = tile + moved.reach;
    canvas_.writer->add(w, isa::push_unit(0), {{Space::kVmem, w.weights + span.low, w.weights + span.high + 1, false}});
  }
  void matmul(bool swap) {
    isa::Matmul w{.images = random_.integer(1, 2), .out_rows = random_.integer(1, 3), .out_columns = random_.integer(1, 5),
                  .length = random_.integer(1, chip_.mxu.rows), .columns = random_.integer(1, chip_.mxu.columns), .row = random_.integer(-2, 3),
                  .column = random_.integer(-4, 6), .accumulate = random_.integer(0, 1), .swap = swap ? 1 : 0,
                  .format = static_cast<std::int64_t>(format(family_, pad_type_))};
    const std::int64_t size = dtype_bytes(pad_type_);
    Stride moved = canvas_.stride(canvas_.bytes);
    const auto span = [&] {
      if (picture_) return Span{0, (pad_.height - 1) * line_ + pad_.width * size - 1} + steps(pad_.image_pitch, w.images) + moved.reach;
      return Span{0, w.length * size - 1} + steps(pad_.image_pitch, w.images) + steps(pad_.row_pitch, w.out_rows) + steps(pad_.step_pitch, w.out_columns) +
             moved.reach;
    };
    while (span().high - span().low >= canvas_.vmem) {
      moved = {};
      for (std::int64_t* count : {&w.images, &w.out_rows, &w.out_columns}) *count = std::max<std::int64_t>(*count - 1, 1);
    }
    Stride down = canvas_.stride(canvas_.rows);
    while (w.images * w.out_rows * w.out_columns + down.reach.high - down.reach.low > canvas_.accumulator_rows) {
      if (w.out_columns > 1) --w.out_columns;
      else if (w.out_rows > 1) --w.out_rows;
      else if (w.images > 1) --w.images;
      else down = {};
    }
    const Span rows = Span{0, w.images * w.out_rows * w.out_columns - 1} + down.reach, bytes = span();
    w.accumulator_strides = down.set, w.accumulator = canvas_.place(rows, 0, canvas_.accumulator_rows);
    const std::int64_t base = canvas_.place(bytes, 0, canvas_.vmem);
    w.source_strides = moved.set;
    w.source = (picture_ ? base + w.row * line_ + w.column * size : base) & 0xFFFFFFFF;
    canvas_.writer->add(w, isa::matrix_unit(0), {{Space::kVmem, base + bytes.low, base + bytes.high + 1, false},
                                                 {Space::kAccumulator, w.accumulator + rows.low, w.accumulator + rows.high + 1, true}});
  }

  Random& random_;
  const Chip& chip_;
  std::int64_t core_, phase_ = 0;
  TokenWriter writer_;
  Canvas canvas_;
  std::vector<DType> families_;
  std::int64_t vmem_dump_ = 0, accumulator_dump_ = 0, end_ = 0;   // in far memory
  DType family_ = DType::kI8, pad_type_ = DType::kI8;
  std::optional<DType> active_;        // the family of the weights
  isa::Pad pad_;
  bool picture_ = false;
  std::int64_t line_ = 0;              // bytes of a picture's row
};

}  // namespace

Kernel random_mix(Random& random, const Chip& chip) {
  Kernel kernel;
  isa::Program& program = kernel.program;
  const std::int64_t phases = chip.cores > 1 ? random.integer(2, 4) : random.integer(1, 2);
  std::int64_t words = 0;
  for (std::int64_t core = 0; core < chip.cores; ++core) {
    Mix mix(random, chip, program.microcode, core);
    mix.write(random.integer(40, 120), phases);
    program.cores.push_back(mix.code());
    words += static_cast<std::int64_t>(program.cores.back().code.size());
    if (core == 0) kernel.inputs = {random_words(random, mix.input_bytes())};
    program.hbm_bytes = mix.end();
  }
  kernel.text = fmt::format("mix of {} words", words);
  program.chip = chip.name;
  program.fingerprint = chip.fingerprint();
  program.layers = {{"kernel", "dot", 0}};
  program.inputs = {{"vmem", DType::kU8, kernel.inputs[0].shape(), Space::kHbm, 0}};
  program.outputs = {{"memory", DType::kU8, {program.hbm_bytes}, Space::kHbm, 0}};
  program.vmem_bytes = chip.vmem_bytes;
  return kernel;
}

}  // namespace systole::rtl
