#include "graph/vector_function.h"

namespace systole::graph {

namespace {

VectorFunction real_function(OpKind kind) {
  switch (kind) {
    case OpKind::kAbs:
      return VectorFunction::kAbs;
    case OpKind::kNegate:
      return VectorFunction::kNegate;
    case OpKind::kSign:
      return VectorFunction::kSign;
    case OpKind::kFloor:
      return VectorFunction::kFloor;
    case OpKind::kCeil:
      return VectorFunction::kCeil;
    case OpKind::kRoundNearestEven:
      return VectorFunction::kRound;
    case OpKind::kExponential:
      return VectorFunction::kExp;
    case OpKind::kExponentialMinusOne:
      return VectorFunction::kExpm1;
    case OpKind::kLog:
      return VectorFunction::kLog;
    case OpKind::kLogPlusOne:
      return VectorFunction::kLog1p;
    case OpKind::kLogistic:
      return VectorFunction::kLogistic;
    case OpKind::kTanh:
      return VectorFunction::kTanh;
    case OpKind::kErf:
      return VectorFunction::kErf;
    case OpKind::kSqrt:
      return VectorFunction::kSqrt;
    case OpKind::kRsqrt:
      return VectorFunction::kRsqrt;
    case OpKind::kSine:
      return VectorFunction::kSin;
    case OpKind::kCosine:
      return VectorFunction::kCos;
    case OpKind::kAdd:
      return VectorFunction::kAdd;
    case OpKind::kSubtract:
      return VectorFunction::kSubtract;
    case OpKind::kMultiply:
      return VectorFunction::kMultiply;
    case OpKind::kDivide:
      return VectorFunction::kDivide;
    case OpKind::kMaximum:
      return VectorFunction::kMaximum;
    case OpKind::kMinimum:
      return VectorFunction::kMinimum;
    case OpKind::kPower:
      return VectorFunction::kPower;
    case OpKind::kRemainder:
      return VectorFunction::kRemainder;
    default:
      return VectorFunction::kCount;
  }
}

VectorFunction integer_function(OpKind kind) {
  switch (kind) {
    case OpKind::kAbs:
      return VectorFunction::kIAbs;
    case OpKind::kNegate:
      return VectorFunction::kINegate;
    case OpKind::kSign:
      return VectorFunction::kISign;
    case OpKind::kAdd:
      return VectorFunction::kIAdd;
    case OpKind::kSubtract:
      return VectorFunction::kISubtract;
    case OpKind::kMultiply:
      return VectorFunction::kIMultiply;
    case OpKind::kDivide:
      return VectorFunction::kIDivide;
    case OpKind::kMaximum:
      return VectorFunction::kIMaximum;
    case OpKind::kMinimum:
      return VectorFunction::kIMinimum;
    case OpKind::kPower:
      return VectorFunction::kIPower;
    case OpKind::kRemainder:
      return VectorFunction::kIRemainder;
    default:
      return VectorFunction::kCount;
  }
}

}  // namespace

VectorFunction vector_function(OpKind kind, bool real) { return real ? real_function(kind) : integer_function(kind); }

}  // namespace systole::graph
