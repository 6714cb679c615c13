// Code for kernels on the vector unit (map, window, reduction) and for row gathers.
#pragma once

#include "compile/tile.h"

namespace systole::compile {

// The kernel's smallest tiles do not fit its region: notes it in `context.failed_kernel`.
Error does_not_fit(Context& context, std::size_t kernel_number, const std::string& place, const std::string& what);

// All tiles of the box [0, dims) with the given tile shape, in row-major order.
std::vector<Box> tiles_of(const Shape& dims, const Shape& tile);
Box whole_box(const Shape& dims);
// Halves the first dimension of `tile` that has more than one index (never the last `keep` ones); false if there is
// none.
bool halve(Shape& tile, std::size_t keep = 0);
// The part of `count` things that core `core` of `cores` takes: [first, last).
std::pair<std::size_t, std::size_t> share(std::size_t count, std::size_t core, std::size_t cores);

// Whether it leaves the other half of VMEM alone.
bool fits_its_half(const Context& context, const Kernel& kernel, std::size_t number);

Status generate_vector_kernel(Context& context, const Kernel& kernel, std::size_t number);
Status generate_gather(Context& context, const Kernel& kernel, std::size_t number);

}  // namespace systole::compile
