// The geometry that convolution and pooling share: kernel, strides, dilations, padding (explicit or auto_pad), output
// sizes.
#pragma once

#include "frontend/node.h"

namespace systole::frontend {

struct Window {
  Axes kernel, stride, dilation, pad_low, pad_high, output;   // one entry per spatial dimension
};

// `x` is [N, C, spatial...]. With ceil_mode pad_high grows so that the last window fits; it never starts in that extra
// part.
Window read_window(const Node& n, const Val& x, Axes kernel, bool ceil_mode);

}  // namespace systole::frontend
