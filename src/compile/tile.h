// Pieces that both kinds of kernels use: buffers in VMEM that hold boxes of tensors, box transfers, vector runs.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "compile/compiler.h"
#include "compile/emitter.h"
#include "compile/kernel.h"

namespace systole::compile {

// Accesses by earlier kernels to parts of VMEM that nothing holds now: whoever gets the bytes next conflicts with them.
class VmemHistory {
 public:
  void add(std::int64_t lo, std::int64_t hi, const Object& object) { ranges_.push_back({lo, hi, object}); }
  void forget(std::int64_t lo, std::int64_t hi);  // what those who held these bytes meanwhile have inherited
  void inherit(Object& object, std::int64_t lo, std::int64_t hi) const;

 private:
  struct Range {
    std::int64_t lo, hi;
    Object object;
  };
  std::vector<Range> ranges_;
};

// What one core's code generation carries from kernel to kernel.
struct Core {
  explicit Core(isa::CoreCode& code) : emitter(code) {}
  Emitter emitter;
  VmemHistory vmem;
  std::vector<Object> far;                // per storage
  std::vector<std::vector<Object>> sums;  // per array: the two halves of its accumulators
  std::vector<isa::Pad> pads;             // per array: the window set last
  bool bounds_set = false;                // the vector unit has a window
};

// A part of VMEM.
struct Region {
  std::int64_t base = 0, bytes = 0;
  std::int64_t end() const { return base + bytes; }
};
// What a kernel may use, above the tensors that live in VMEM while it runs: all of it, the half that the product after it
// does not load its weights into, and a part of that half which its neighbours on the vector unit do not use.
struct Regions {
  Region part, half, whole;
};

// Everything that is the same for all kernels.
struct Context {
  const KernelGraph& kernels;
  const Chip& chip;
  const Options& options;
  isa::Program& program;
  std::vector<Core> cores;
  bool prefetch = false;         // a product's first constants are fetched while the product before it runs
  std::vector<Regions> regions;  // per kernel
  int failed_kernel = -1;        // the one that did not fit VMEM

  const Storage& storage(StorageId id) const { return kernels.storages[static_cast<std::size_t>(id)]; }
  int lookahead() const { return options.double_buffer ? 1 : 0; }
  isa::UnitId load_unit() const { return isa::dma_unit(0); }
  // Constant weights have an engine of their own where there is one: they never wait behind what a kernel made.
  bool weights_apart() const { return chip.dma_engines > 2; }
  isa::UnitId weight_unit() const { return isa::dma_unit(weights_apart() ? 2 : 0); }
  isa::UnitId store_unit() const { return isa::dma_unit(chip.dma_engines > 1 ? 1 : 0); }
};

// The VMEM that a kernel may use, handed out from the bottom; buffers inherit the accesses of whoever used it before.
class Arena {
 public:
  Arena(Core& core, std::int64_t base, std::int64_t bytes);
  ~Arena();  // leaves the buffers' accesses in the core's history
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  struct Buffer {
    std::int64_t address = 0;
    std::int64_t bytes = 0;
    Object object;
  };
  Buffer* allocate(std::int64_t bytes);  // asserts that it fits
  std::int64_t top() const { return next_; }

 private:
  Core& core_;
  std::int64_t base_, next_;
  [[maybe_unused]] std::int64_t end_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

// Buffers that hold boxes of one tensor: a box that is there already is not loaded again.
class TileCache {
 public:
  TileCache() = default;
  TileCache(Arena& arena, std::int64_t bytes, std::int64_t slots);
  struct Entry {
    Arena::Buffer* buffer = nullptr;
    Box box;
    std::int64_t last_step = -1000;
    bool filled = false;
  };
  // The entry for `box` in `step`; `load` is called if it must be filled. Entries used in step - lookahead or later
  // stay.
  Entry& get(const Box& box, std::int64_t step, int lookahead, const std::function<void(Arena::Buffer&)>& load);
  // A buffer to write in `step` (no contents are looked for).
  Entry& next(std::int64_t step, int lookahead);

 private:
  std::vector<Entry> entries_;
};

std::int64_t box_bytes(const Box& box, DType type);  // rounded up to kAlignment

// Copies the box of `storage`, seen as a tensor of `shape`, to or from dense VMEM at `local`.
void load_box(Context& context, Core& core, StorageId storage, const Shape& shape, const Box& box,
              Arena::Buffer& local);
void store_box(Context& context, Core& core, StorageId storage, const Shape& shape, const Box& box,
               Arena::Buffer& local);
// The same from accumulator rows: the last dimension of the box is the columns.
void store_sums(Context& context, Core& core, StorageId storage, const Shape& shape, const Box& box, int array,
                std::int64_t row, Object& sums);

// One vector run over `tile`. locals[i]: where input i's box stands.
struct Local {
  std::int64_t address = 0;
  Object* object = nullptr;
  Box box;
  Local() = default;
  Local(Arena::Buffer& buffer, Box what) : address(buffer.address), object(&buffer.object), box(std::move(what)) {}
  Local(std::int64_t at, Object& accesses, Box what) : address(at), object(&accesses), box(std::move(what)) {}
};
// All of a storage that lives in VMEM, seen as a tensor of `shape`.
Local resident(const Context& context, Core& core, StorageId id, const Shape& shape);
struct Accumulators {
  int array = 0;
  std::int64_t row = 0;
  Object* object = nullptr;
};
void emit_run(Context& context, Core& core, const Kernel& kernel, std::int64_t program_address, const Box& tile,
              const std::vector<Local>& inputs, const Local& output, const Accumulators* sums);

// The input's box for a tile, inside what exists if the kernel's window checks its bounds.
Box input_box(const Kernel& kernel, std::size_t input, const Box& tile);

// Appends to the microcode store if it is not there; returns its address.
std::int64_t add_microcode(isa::Program& program, const VectorProgram& vector_program);

// Streams with more elements than this would not fit the bind instruction's stride fields.
constexpr std::int64_t kMaxBufferElements = (1 << 21) - 1;

}  // namespace systole::compile
