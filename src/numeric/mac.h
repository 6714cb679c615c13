// One step of a processing element in floating point: the definition behind numeric/matmul.h, for the scalar reference
// and for whoever models a single element.
#pragma once

namespace systole {

// a * w + sum with one rounding (nearest even, 24 significant bits). Subnormal inputs count as zero of their sign; a
// result that after this rounding is smaller than 2^-126 is zero of its sign; NaN is canonical.
//
// The rounding comes before the test, with an exponent range unbounded below, as in hardware that flushes: what lies
// in [2^-126 - 2^-150, 2^-126 - 2^-151) is zero here, whereas IEEE's gradual underflow would round it up to 2^-126.
float mac_f32(float a, float w, float sum);

// a + b by the same rules.
float add_f32_flushed(float a, float b);

}  // namespace systole
