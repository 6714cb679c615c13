#include "rtl/random_kernel.h"

#include <fmt/format.h>

#include <algorithm>

#include "rtl/random_parts.h"
#include "rtl/token_writer.h"

namespace systole::rtl {
namespace {

using isa::Space;

std::int64_t divisor(Random& random, std::int64_t n) {
  std::vector<std::int64_t> all;
  for (std::int64_t d = 1; d <= n; ++d) {
    if (n % d == 0) all.push_back(d);
  }
  return all[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(all.size()) - 1))];
}

// VMEM and accumulators in slots that are used in turn; words go to random engines.
class Scheduler {
 public:
  Scheduler(Random& random, const Chip& chip, std::int64_t a_bytes, std::int64_t m_rows)
      : random_(random), chip_(chip), a_slot_(align(a_bytes)), w_slot_(align(chip.mxu.rows * chip.mxu.columns)), acc_slot_(m_rows) {
    w_slots_ = random.integer(1, 4);
    const std::int64_t room = (chip.vmem_bytes - w_slots_ * w_slot_) / a_slot_;
    a_slots_ = std::clamp<std::int64_t>(random.integer(1, 3), 1, room);
    acc_slots_ = std::clamp<std::int64_t>(random.integer(1, 3), 1, chip.mxu.accumulator_rows / m_rows);
  }
  isa::UnitId engine() { return isa::dma_unit(static_cast<int>(random_.integer(0, chip_.dma_engines - 1))); }
  std::int64_t next_a() { return a_slot_ * (a_next_++ % a_slots_); }
  std::int64_t next_w() { return a_slots_ * a_slot_ + w_slot_ * (w_next_++ % w_slots_); }
  std::int64_t next_accumulator() { return acc_slot_ * (acc_next_++ % acc_slots_); }

  // Sometimes a word that does nothing, or waits for something it does not need.
  void disturb() {
    if (random_.chance(0.75)) return;
    const std::vector<isa::UnitId> units = {isa::push_unit(0), isa::matrix_unit(0), engine(), isa::kScalar};
    const auto any = [&](std::int64_t last) { return units[static_cast<std::size_t>(random_.integer(0, last))]; };
    const isa::UnitId unit = any(3);
    if (random_.chance(0.6)) writer.wait_for(any(2));
    writer.add(isa::Nop{}, unit);
  }
  void load(std::int64_t far, std::int64_t local, std::int64_t bytes, std::int64_t rows, std::int64_t pitch) {
    disturb();
    const bool as_planes = random_.chance(0.3);
    isa::Load word{.far = far, .local = local, .bytes = bytes, .rows = as_planes ? 1 : rows, .planes = as_planes ? rows : 1, .pitch = pitch, .plane_pitch = pitch};
    writer.add(word, engine(), {{Space::kHbm, far, far + (rows - 1) * pitch + bytes, false}, {Space::kVmem, local, local + bytes * rows, true}});
  }
  void push(std::int64_t local, std::int64_t rows, std::int64_t columns, DType type) {
    disturb();
    const auto t = static_cast<std::int64_t>(type);
    writer.add(isa::Push{.weights = local, .pitch = columns, .rows = rows, .columns = columns, .type = t, .format = t}, isa::push_unit(0),
               {{Space::kVmem, local, local + rows * columns, false}});
  }
  void matmul(const isa::Matmul& word, std::int64_t a, std::int64_t a_bytes) {
    const std::int64_t rows = word.images * word.out_rows * word.out_columns;
    writer.add(word, isa::matrix_unit(0),
               {{Space::kVmem, a, a + a_bytes, false}, {Space::kAccumulator, word.accumulator, word.accumulator + rows, true}});
  }
  void store(std::int64_t accumulator, std::int64_t rows, std::int64_t columns, std::int64_t far, std::int64_t pitch) {
    disturb();
    isa::Store word{.far = far, .local_space = 3, .local = accumulator, .bytes = 4 * columns, .rows = rows, .pitch = pitch};
    writer.add(word, engine(), {{Space::kHbm, far, far + (rows - 1) * pitch + 4 * columns, true}, {Space::kAccumulator, accumulator, accumulator + rows, false}});
  }
  TokenWriter writer;

 private:
  Random& random_;
  const Chip& chip_;
  std::int64_t a_slot_, w_slot_, acc_slot_;
  std::int64_t a_slots_ = 1, w_slots_ = 1, acc_slots_ = 1;
  std::int64_t a_next_ = 0, w_next_ = 0, acc_next_ = 0;
};

void expect_product(Kernel& kernel, std::int64_t m, std::int64_t k, std::int64_t n) {
  const Tensor &a = kernel.inputs[0], &w = kernel.inputs[1];
  auto* y = kernel.expected->mutable_data<std::int32_t>();
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      std::int64_t sum = 0;
      for (std::int64_t e = 0; e < k; ++e) sum += byte_value(a.raw() + i * k + e, a.type()) * byte_value(w.raw() + e * n + j, w.type());
      y[i * n + j] = static_cast<std::int32_t>(sum);
    }
  }
}

}  // namespace

Kernel random_product(Random& random, const Chip& chip) {
  const std::int64_t rows = chip.mxu.rows, columns = chip.mxu.columns;
  const std::int64_t m = random.integer(4, 60), k = random.integer(rows, 5 * rows), n = random.integer(columns, 4 * columns);
  const std::int64_t tile = random.integer(std::min<std::int64_t>(m, 4), std::min({m, chip.mxu.accumulator_rows, std::int64_t{32}}));
  const std::int64_t chunk = random.integer(std::max<std::int64_t>(1, rows / 2), rows), slice = random.integer(std::max<std::int64_t>(1, columns / 2), columns);
  const DType a_type = random_type(random, chip), w_type = random_type(random, chip);
  Layout layout;
  Kernel kernel = describe(chip, random_bytes(random, m * k, a_type), random_bytes(random, k * n, w_type), m, n, layout);
  kernel.text = fmt::format("product {} x {} x {}, tiles of {} rows, chunks of {}, slices of {}", m, k, n, tile, chunk, slice);
  expect_product(kernel, m, k, n);

  Scheduler s(random, chip, tile * chunk, tile);
  for (std::int64_t i = 0; i < m; i += tile) {
    const std::int64_t mt = std::min(tile, m - i), out_rows = divisor(random, mt);
    for (std::int64_t j = 0; j < n; j += slice) {
      const std::int64_t nt = std::min(slice, n - j), accumulator = s.next_accumulator();
      for (std::int64_t e = 0; e < k; e += chunk) {
        const std::int64_t kt = std::min(chunk, k - e), a = s.next_a(), w = s.next_w();
        s.load(layout.a + i * k + e, a, kt, mt, k);
        s.load(layout.w + e * n + j, w, nt, kt, n);
        s.push(w, kt, nt, w_type);
        s.disturb();
        s.writer.add(isa::Pad{.row_pitch = kt * (mt / out_rows), .step_pitch = kt, .type = static_cast<std::int64_t>(a_type)}, isa::matrix_unit(0));
        s.matmul({.source = a, .out_rows = out_rows, .out_columns = mt / out_rows, .length = kt, .columns = nt, .accumulator = accumulator,
                  .accumulate = e > 0 ? 1 : 0, .format = static_cast<std::int64_t>(a_type)}, a, mt * kt);
      }
      s.store(accumulator, mt, nt, layout.y + (i * n + j) * 4, n * 4);
    }
  }
  finish(kernel, chip, s.writer.take());
  return kernel;
}

namespace {

struct Window {
  std::int64_t images, height, width, channels, kernel_height, kernel_width, stride_h, stride_w, top, left, out_height, out_width, pad;
  DType type;
};

Window random_window(Random& random, const Chip& chip, DType type) {
  Window v{};
  do {
    v = {random.integer(1, 2), random.integer(3, 8), random.integer(3, 9), random.integer(1, 5), random.integer(1, 3), random.integer(1, 3),
         random.integer(1, 2), random.integer(1, 2), 0, 0, 0, 0, random.integer(0, 255), type};
    v.top = random.integer(0, v.kernel_height - 1);
    v.left = random.integer(0, v.kernel_width - 1);
    v.out_height = (v.height + v.top + random.integer(0, v.kernel_height - 1) - v.kernel_height) / v.stride_h + 1;
    v.out_width = (v.width + v.left + random.integer(0, v.kernel_width - 1) - v.kernel_width) / v.stride_w + 1;
  } while (v.images * v.out_height * v.out_width > chip.mxu.accumulator_rows);
  return v;
}

void expect_convolution(Kernel& kernel, const Window& v, std::int64_t n) {
  const Tensor &a = kernel.inputs[0], &w = kernel.inputs[1];
  auto* y = kernel.expected->mutable_data<std::int32_t>();
  const auto pad = static_cast<std::uint8_t>(v.pad);
  for (std::int64_t i = 0; i < v.images * v.out_height * v.out_width; ++i) {
    const std::int64_t image = i / (v.out_height * v.out_width), oh = i / v.out_width % v.out_height, ow = i % v.out_width;
    for (std::int64_t j = 0; j < n; ++j) {
      std::int64_t sum = 0;
      for (std::int64_t kh = 0; kh < v.kernel_height; ++kh) {
        for (std::int64_t kw = 0; kw < v.kernel_width; ++kw) {
          const std::int64_t h = oh * v.stride_h + kh - v.top, x = ow * v.stride_w + kw - v.left;
          const bool exists = h >= 0 && h < v.height && x >= 0 && x < v.width;
          for (std::int64_t c = 0; c < v.channels; ++c) {
            const std::uint8_t* p = exists ? a.raw() + ((image * v.height + h) * v.width + x) * v.channels + c : &pad;
            const std::int64_t row = (kh * v.kernel_width + kw) * v.channels + c;
            sum += byte_value(p, v.type) * byte_value(w.raw() + row * n + j, w.type());
          }
        }
      }
      y[i * n + j] = static_cast<std::int32_t>(sum);
    }
  }
}

}  // namespace

Kernel random_convolution(Random& random, const Chip& chip) {
  const DType a_type = random_type(random, chip), w_type = random_type(random, chip);
  const Window v = random_window(random, chip, a_type);
  const std::int64_t line = v.width * v.channels, taps = v.kernel_width * v.channels, n = random.integer(1, 3 * chip.mxu.columns);
  const std::int64_t m = v.images * v.out_height * v.out_width, a_bytes = v.images * v.height * line;
  const std::int64_t chunk = random.integer(std::max<std::int64_t>(1, chip.mxu.rows / 2), chip.mxu.rows);
  const std::int64_t slice = random.integer(std::max<std::int64_t>(1, chip.mxu.columns / 2), chip.mxu.columns);
  Layout layout;
  Kernel kernel = describe(chip, random_bytes(random, a_bytes, a_type), random_bytes(random, v.kernel_height * taps * n, w_type), m, n, layout);
  kernel.text = fmt::format("convolution of {} x {} x {} x {} by {} x {} to {} x {} x {}, chunks of {}, slices of {}", v.images, v.height, v.width,
                            v.channels, v.kernel_height, v.kernel_width, v.out_height, v.out_width, n, chunk, slice);
  expect_convolution(kernel, v, n);

  Scheduler s(random, chip, a_bytes, m);
  const std::int64_t a = s.next_a();
  s.load(layout.a, a, line, v.images * v.height, line);
  s.writer.add(isa::Pad{.image_pitch = v.height * line, .row_pitch = v.stride_h * line, .step_pitch = v.stride_w * v.channels, .height = v.height,
                        .width = line, .row_step = v.stride_h, .column_step = v.stride_w * v.channels, .value = v.pad,
                        .type = static_cast<std::int64_t>(a_type)},
               isa::matrix_unit(0));
  for (std::int64_t j = 0; j < n; j += slice) {
    const std::int64_t nt = std::min(slice, n - j), accumulator = s.next_accumulator();
    bool first = true;
    for (std::int64_t kh = 0; kh < v.kernel_height; ++kh) {
      for (std::int64_t e = 0; e < taps; e += chunk) {
        const std::int64_t kt = std::min(chunk, taps - e), w = s.next_w();
        s.load(layout.w + (kh * taps + e) * n + j, w, nt, kt, n);
        s.push(w, kt, nt, w_type);
        const std::int64_t column = e - v.left * v.channels, source = a + (kh - v.top) * line + column;
        s.matmul({.source = source & 0xFFFFFFFF, .images = v.images, .out_rows = v.out_height, .out_columns = v.out_width, .length = kt, .columns = nt,
                  .row = kh - v.top, .column = column, .accumulator = accumulator, .accumulate = first ? 0 : 1,
                  .format = static_cast<std::int64_t>(a_type)}, a, a_bytes);
        first = false;
      }
    }
    s.store(accumulator, m, nt, layout.y + j * 4, n * 4);
  }
  finish(kernel, chip, s.writer.take());
  return kernel;
}

Kernel random_looped_product(Random& random, const Chip& chip) {
  const std::int64_t rows = chip.mxu.rows, columns = chip.mxu.columns;
  const std::int64_t tile = random.integer(2, std::min<std::int64_t>(24, chip.mxu.accumulator_rows)), tiles = random.integer(2, 5);
  const std::int64_t slices = random.integer(1, 4), chunks = random.integer(1, 4);
  const std::int64_t m = tile * tiles, n = columns * slices, k = rows * chunks;
  const DType a_type = random_type(random, chip), w_type = random_type(random, chip);
  Layout layout;
  Kernel kernel = describe(chip, random_bytes(random, m * k, a_type), random_bytes(random, k * n, w_type), m, n, layout);
  kernel.text = fmt::format("looped product {} x {} x {}, tiles of {} rows", m, k, n, tile);
  expect_product(kernel, m, k, n);

  const int stores = static_cast<int>(random.integer(0, chip.dma_engines - 1));
  const isa::UnitId store_unit = isa::dma_unit(stores), a_unit = isa::dma_unit(static_cast<int>((stores + 1) % chip.dma_engines));
  const isa::UnitId w_unit = random.chance(0.5) ? store_unit : a_unit, push_unit = isa::push_unit(0), matrix = isa::matrix_unit(0);
  const auto bit = [](isa::UnitId unit) { return static_cast<std::uint16_t>(1u << unit); };
  std::vector<isa::Instruction> code;
  const auto scalar = [&](const isa::Body& body) { code.push_back({body}); };
  const auto word = [&](const isa::Body& body, isa::UnitId unit, std::uint16_t wait, std::uint16_t signal) { code.push_back({body, unit, wait, signal}); };

  // Loop level 0: row tiles, level 1: column slices. Every buffer is free at first: a token for each.
  scalar(isa::Strides{.set = 1, .s0 = tile * k});
  scalar(isa::Strides{.set = 2, .s1 = columns});
  scalar(isa::Strides{.set = 3, .s0 = tile * n * 4, .s1 = columns * 4});
  word(isa::Pad{.step_pitch = rows, .type = static_cast<std::int64_t>(a_type)}, matrix, 0, 0);
  for (std::int64_t e = 0; e < chunks; ++e) {
    word(isa::Nop{}, matrix, 0, bit(a_unit));
    word(isa::Nop{}, push_unit, 0, bit(w_unit));
  }
  word(isa::Nop{}, store_unit, 0, bit(matrix));
  scalar(isa::Loop{.count = tiles});
  scalar(isa::Loop{.count = slices});
  const std::int64_t a_bytes = tile * rows, w_base = chunks * align(a_bytes);
  for (std::int64_t e = 0; e < chunks; ++e) {
    const std::int64_t a = e * align(a_bytes), w = w_base + e * align(rows * columns);
    word(isa::Load{.far = layout.a + e * rows, .far_strides = 1, .local = a, .bytes = rows, .rows = tile, .pitch = k}, a_unit, bit(matrix), bit(matrix));
    word(isa::Load{.far = layout.w + e * rows * n, .far_strides = 2, .local = w, .bytes = columns, .rows = rows, .pitch = n}, w_unit, bit(push_unit), bit(push_unit));
    const auto type = static_cast<std::int64_t>(w_type);
    word(isa::Push{.weights = w, .pitch = columns, .rows = rows, .columns = columns, .type = type, .format = type}, push_unit, bit(w_unit), bit(w_unit));
    const std::uint16_t wait = e == 0 ? static_cast<std::uint16_t>(bit(a_unit) | bit(store_unit)) : bit(a_unit);
    const std::uint16_t signal = e == chunks - 1 ? static_cast<std::uint16_t>(bit(a_unit) | bit(store_unit)) : bit(a_unit);
    word(isa::Matmul{.source = a, .out_columns = tile, .length = rows, .columns = columns, .accumulate = e > 0 ? 1 : 0,
                     .format = static_cast<std::int64_t>(a_type)}, matrix, wait, signal);
  }
  word(isa::Store{.far = layout.y, .far_strides = 3, .local_space = 3, .bytes = columns * 4, .rows = tile, .pitch = n * 4}, store_unit, bit(matrix), bit(matrix));
  scalar(isa::End{});
  scalar(isa::End{});
  finish(kernel, chip, std::move(code));
  return kernel;
}

Kernel random_kernel(Random& random, const Chip& chip) {
  if (chip.cores > 1 || !(chip.multiplies(DType::kI8) || chip.multiplies(DType::kU8)) || random.chance(0.75)) return random_mix(random, chip);
  const std::int64_t kind = random.integer(0, chip.dma_engines > 1 ? 4 : 3);
  if (kind >= 2 && kind <= 3) return random_stream(random, chip);
  if (kind == 0) return random_product(random, chip);
  return kind == 1 ? random_convolution(random, chip) : random_looped_product(random, chip);
}

}  // namespace systole::rtl
