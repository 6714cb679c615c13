// What a program must stay inside on a chip.
#pragma once

#include "chip/chip.h"
#include "isa/program.h"

namespace systole::isa {

inline MachineLimits limits(const Chip& chip) {
  std::uint32_t formats = 0, types = 0;
  for (const DType format : chip.mxu.formats) formats |= 1u << static_cast<int>(format);
  for (int type = 0; type < kDTypes; ++type) types |= chip.knows(static_cast<DType>(type)) ? 1u << type : 0u;
  return {.array_rows = chip.mxu.rows,
          .array_columns = chip.mxu.columns,
          .arrays = chip.mxu.count,
          .accumulator_rows = chip.mxu.accumulator_rows,
          .vmem_bytes = chip.vmem_bytes,
          .hbm_bytes = chip.hbm.present ? chip.hbm.capacity_bytes : 0,
          .cmem_bytes = chip.cmem.present ? chip.cmem.capacity_bytes : 0,
          .dma_engines = chip.dma_engines,
          .has_vector_unit = chip.vpu.present,
          .formats = formats,
          .types = types};
}

}  // namespace systole::isa
