// fcvm::Result and fcvm::Error: how every fallible function in fcvm reports failure.
//
// Owns no resource and depends on the standard library alone, so that the plugin SDK and the core
// can share one error type. Result<T> is a strict subset of C++23's std::expected<T, Error>: when
// the compilers we support have it, Result becomes an alias and no caller changes.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace fcvm {

/// What failed, on what, why, and what to do about it.
///
/// `message` reads from the outermost context inwards: "starting vm1: opening /dev/net/tun: No such
/// file or directory". `remedy` is a command or an instruction, or empty when none is known.
class [[nodiscard]] Error {
 public:
  Error(int code, std::string message, std::string remedy = {})
      : code_(code), message_(std::move(message)), remedy_(std::move(remedy)) {}

  /// A positive errno value; callers branch on this, never on the text.
  [[nodiscard]] int code() const noexcept { return code_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }

  /// Prefixes what the caller was doing.
  Error context(std::string_view doing) && {
    message_.insert(0, std::string(doing) + ": ");
    return std::move(*this);
  }

  /// Says what fixes it, unless something closer to the cause already did.
  Error remedied_by(std::string_view remedy) && {
    if (remedy_.empty()) remedy_ = remedy;
    return std::move(*this);
  }

 private:
  int code_;
  std::string message_;
  std::string remedy_;
};

/// Marks an Error on its way into a Result, as std::unexpected does.
class [[nodiscard]] Unexpected {
 public:
  explicit Unexpected(Error error) : error_(std::move(error)) {}
  [[nodiscard]] Error& error() & noexcept { return error_; }
  [[nodiscard]] Error&& error() && noexcept { return std::move(error_); }

 private:
  Error error_;
};

inline Unexpected unexpected(Error error) { return Unexpected(std::move(error)); }

/// Fails with an errno value, a message and, where one is known, a remedy.
inline Unexpected fail(int code, std::string message, std::string remedy = {}) {
  return Unexpected(Error(code, std::move(message), std::move(remedy)));
}

/// Fails with the current errno; `doing` says what was tried and on what.
inline Unexpected fail_errno(std::string doing, std::string remedy = {}) {
  const int code = errno;
  return fail(code, std::move(doing) + ": " + std::strerror(code), std::move(remedy));
}

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(*-explicit-*)
  Result(Unexpected failure)                                             // NOLINT(*-explicit-*)
      : state_(std::in_place_index<1>, std::move(failure).error()) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& operator*() & { return std::get<0>(state_); }
  [[nodiscard]] const T& operator*() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& operator*() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] T* operator->() { return &std::get<0>(state_); }
  [[nodiscard]] const T* operator->() const { return &std::get<0>(state_); }

  [[nodiscard]] T& value() & { return **this; }
  [[nodiscard]] const T& value() const& { return **this; }
  [[nodiscard]] T&& value() && { return *std::move(*this); }
  template <typename U>
  [[nodiscard]] T value_or(U&& fallback) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(fallback));
  }

  [[nodiscard]] Error& error() & { return std::get<1>(state_); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(Unexpected failure)  // NOLINT(*-explicit-*)
      : state_(std::in_place_index<1>, std::move(failure).error()) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
  void operator*() const {}
  void value() const {}

  [[nodiscard]] Error& error() & { return std::get<1>(state_); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<std::monostate, Error> state_;
};

/// `open_tap(name) | context("attaching tap to vm1")` prefixes the error, if there is one. A pipe
/// and not a member, because std::expected will not have the member.
struct Context {
  std::string doing;
};
inline Context context(std::string doing) { return Context{std::move(doing)}; }

template <typename T>
Result<T> operator|(Result<T>&& result, Context ctx) {
  if (result) return std::move(result);
  return unexpected(std::move(result).error().context(ctx.doing));
}

/// `... | remedy("install passt")` adds a remedy, if there is an error and it has none yet.
struct Remedy {
  std::string what;
};
inline Remedy remedy(std::string what) { return Remedy{std::move(what)}; }

template <typename T>
Result<T> operator|(Result<T>&& result, Remedy fix) {
  if (result) return std::move(result);
  return unexpected(std::move(result).error().remedied_by(fix.what));
}

}  // namespace fcvm

/// Unwraps a Result, or returns its error from the enclosing function:
///   Fd fd = FCVM_TRY(open_file(path));
#define FCVM_TRY(...)                                                                    \
  __extension__({                                                                        \
    auto&& fcvm_try_result = (__VA_ARGS__);                                              \
    if (!fcvm_try_result) return ::fcvm::unexpected(std::move(fcvm_try_result).error()); \
    *std::move(fcvm_try_result);                                                         \
  })
