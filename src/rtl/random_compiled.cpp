#include "compile/compiler.h"
#include "graph/random_graph.h"
#include "rtl/generate.h"
#include "rtl/model.h"
#include "rtl/random_kernel.h"

namespace systole::rtl {

Expected<Kernel> random_compiled(Random& random, const Chip& chip) {
  if (!chip.vpu.present) return unsupported("chip " + chip.name, "the compiler writes no programs without a vector unit");
  const graph::Graph source = graph::random_graph(random, static_cast<int>(random.integer(1, 6)));
  Kernel kernel;
  for (const graph::ValueId v : source.inputs) kernel.inputs.push_back(graph::random_tensor(random, DType::kF32, source.type(v).shape));
  const Families families = families_of(chip);
  compile::Options options;
  options.format = families.fixed && (!families.floating || random.chance(0.5)) ? chip.fixed_format() : DType::kBF16;
  options.fuse = random.chance(0.7);
  options.double_buffer = random.chance(0.7);
  options.roll_loops = random.chance(0.7);
  options.tile_limit = random.chance(0.3) ? random.integer(1, 200) : 0;
  SYSTOLE_ASSIGN(auto compiled, compile::compile(source, chip, options));
  kernel.program = std::move(compiled.program);
  if (chip.cores == 1) SYSTOLE_TRY(check_program(kernel.program, chip));
  kernel.program.outputs.push_back({"memory", DType::kU8, {kernel.program.hbm_bytes}, isa::Space::kHbm, 0});
  kernel.text = "compiled graph";
  return kernel;
}

}  // namespace systole::rtl
