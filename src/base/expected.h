// Errors as values. A function that reads user input returns Expected<T>; a broken invariant asserts.
//
// Contract: an Error says what went wrong (`message`), where (`place`: "file.yaml: mxu.rows", "node 'conv1' (Conv,
// opset 13)") and what would help (`hint`). The library never prints and never exits; the command line maps a code to
// an exit status (base/error.cpp).
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace systole {

enum class ErrorCode {
  kInvalidInput,  // malformed or inconsistent data given by the user; exit status 2
  kUnsupported,   // well formed, but this build or this chip cannot do it; exit status 2
  kNotFound,      // a file, a name or a field that is not there; exit status 2
  kCheckFailed,   // the run's own check failed (--check, --check-hazards); exit status 1
  kInternal,      // a bug in Systole; exit status 3
};

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string place;
  std::string message;
  std::string hint;

  // "place: message (hint)", leaving out what is empty.
  std::string text() const;
};

const char* error_code_name(ErrorCode code);
int exit_status(ErrorCode code);

inline Error invalid_input(std::string place, std::string message, std::string hint = {}) {
  return {ErrorCode::kInvalidInput, std::move(place), std::move(message), std::move(hint)};
}
inline Error unsupported(std::string place, std::string message, std::string hint = {}) {
  return {ErrorCode::kUnsupported, std::move(place), std::move(message), std::move(hint)};
}
inline Error not_found(std::string place, std::string message, std::string hint = {}) {
  return {ErrorCode::kNotFound, std::move(place), std::move(message), std::move(hint)};
}

// A value or an Error; it must be looked at.
template <typename T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    assert(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    assert(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    assert(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    assert(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

struct Unit {};
// The result of something that only can fail.
using Status = Expected<Unit>;
inline Status ok_status() { return Unit{}; }

}  // namespace systole

// SYSTOLE_ASSIGN(auto x, f()): x = value of f(), or return its error from this function.
// SYSTOLE_TRY(f()): return f()'s error from this function if it failed.
#define SYSTOLE_CONCAT_(a, b) a##b
#define SYSTOLE_CONCAT(a, b) SYSTOLE_CONCAT_(a, b)
#define SYSTOLE_ASSIGN(declaration, expression) \
  SYSTOLE_ASSIGN_(SYSTOLE_CONCAT(expected_, __COUNTER__), declaration, expression)
#define SYSTOLE_ASSIGN_(temporary, declaration, expression) \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return temporary.error();            \
  declaration = std::move(temporary).value()
#define SYSTOLE_TRY(expression)                                                                  \
  do {                                                                                           \
    if (auto systole_status = (expression); !systole_status.ok()) return systole_status.error(); \
  } while (false)
