// Quantities with a unit as distinct types: Cycles cannot be added to Bytes, and no unit converts by itself.
#pragma once

#include <compare>
#include <cstdint>

namespace systole {

// An integer count of something named by Tag.
template <typename Tag>
class Count {
 public:
  constexpr Count() = default;
  constexpr explicit Count(std::int64_t value) : value_(value) {}
  constexpr std::int64_t value() const { return value_; }

  constexpr auto operator<=>(const Count&) const = default;
  constexpr Count operator+(Count other) const { return Count(value_ + other.value_); }
  constexpr Count operator-(Count other) const { return Count(value_ - other.value_); }
  constexpr Count operator*(std::int64_t factor) const { return Count(value_ * factor); }
  constexpr Count& operator+=(Count other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Count& operator-=(Count other) {
    value_ -= other.value_;
    return *this;
  }

 private:
  std::int64_t value_ = 0;
};

// A real quantity whose unit is named by Tag.
template <typename Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}
  constexpr double value() const { return value_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator+(Quantity other) const { return Quantity(value_ + other.value_); }
  constexpr Quantity operator*(double factor) const { return Quantity(value_ * factor); }
  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }

 private:
  double value_ = 0;
};

using Cycles = Count<struct CyclesTag>;
using Bytes = Count<struct BytesTag>;
using Picoseconds = Count<struct PicosecondsTag>;
using Hertz = Quantity<struct HertzTag>;
using Joules = Quantity<struct JoulesTag>;
using Seconds = Quantity<struct SecondsTag>;

constexpr Seconds duration(Cycles cycles, Hertz clock) {
  return Seconds(static_cast<double>(cycles.value()) / clock.value());
}

// ceil(a / b) for a >= 0, b > 0.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

}  // namespace systole
