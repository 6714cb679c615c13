#include "base/expected.h"

namespace systole {

std::string Error::text() const {
  std::string out;
  if (!place.empty()) out += place + ": ";
  out += message;
  if (!hint.empty()) out += " (" + hint + ")";
  return out;
}

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidInput:
      return "invalid-input";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kCheckFailed:
      return "check-failed";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidInput:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNotFound:
      return 2;
    case ErrorCode::kCheckFailed:
      return 1;
    case ErrorCode::kInternal:
      return 3;
  }
  return 3;
}

}  // namespace systole
