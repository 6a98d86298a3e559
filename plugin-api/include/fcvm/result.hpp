// fcvm::Result and fcvm::Error: how every fallible function in fcvm reports failure.
//
// Owns no resource and depends on the standard library alone, so that the plugin SDK and the core
// can share one error type. Result<T> is a strict subset of C++23's std::expected<T, Error>: when
// the compilers we support have it, Result becomes an alias and no caller changes.
//
// Every source has this header, and most lines of it use it: what only failing needs is marked cold
// and stays out of line, and Result has a union of its own, since std::variant takes a fifth of the
// time in which all of fcvm compiles.
#pragma once

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#define FCVM_COLD [[gnu::cold, gnu::noinline]]

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
  FCVM_COLD Error context(std::string_view doing) && {
    message_.insert(0, std::string(doing) + ": ");
    return std::move(*this);
  }

  /// Says what fixes it, unless something closer to the cause already did.
  FCVM_COLD Error remedied_by(std::string_view remedy) && {
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

FCVM_COLD inline Unexpected unexpected(Error&& error) { return Unexpected(std::move(error)); }
FCVM_COLD inline Unexpected unexpected(const Error& error) { return Unexpected(error); }

/// Fails with an errno value, a message and, where one is known, a remedy.
FCVM_COLD inline Unexpected fail(int code, std::string_view message, std::string_view remedy = {}) {
  return Unexpected(Error(code, std::string(message), std::string(remedy)));
}

/// Fails with the current errno; `doing` says what was tried and on what.
FCVM_COLD inline Unexpected fail_errno(std::string_view doing, std::string_view remedy = {}) {
  const int code = errno;
  return fail(code, std::string(doing).append(": ").append(std::strerror(code)), remedy);
}

namespace detail {

struct Copied {};
struct Moved {
  Moved() = default;
  Moved(Moved&&) = default;
  Moved& operator=(Moved&&) = default;
};

[[noreturn]] FCVM_COLD inline void wrong_side() {
  throw std::logic_error("a Result was asked for what it does not hold");
}

/// A value or an Error, and which of them it is.
template <typename T>
class Either {
 public:
  explicit Either(T&& value) : has_value_(true), value_(std::move(value)) {}
  explicit Either(Unexpected&& failure) : has_value_(false), error_(std::move(failure).error()) {}
  Either(Either&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    take(std::move(other));
  }
  Either(const Either& other) { take(other); }
  // By value: what may throw has been done before anything is destroyed.
  Either& operator=(Either other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    destroy();
    take(std::move(other));
    return *this;
  }
  ~Either() { destroy(); }

  [[nodiscard]] bool has_value() const noexcept { return has_value_; }
  [[nodiscard]] T& value() {
    if (!has_value_) wrong_side();
    return value_;
  }
  [[nodiscard]] Error& error() {
    if (has_value_) wrong_side();
    return error_;
  }
  [[nodiscard]] const T& value() const { return const_cast<Either*>(this)->value(); }
  [[nodiscard]] const Error& error() const { return const_cast<Either*>(this)->error(); }

 private:
  template <typename Other>
  void take(Other&& other) {
    has_value_ = other.has_value_;
    if (has_value_) {
      ::new (static_cast<void*>(&value_)) T(std::forward<Other>(other).value_);
    } else {
      ::new (static_cast<void*>(&error_)) Error(std::forward<Other>(other).error_);
    }
  }
  void destroy() {
    if (has_value_) {
      value_.~T();
    } else {
      error_.~Error();
    }
  }

  bool has_value_;
  union {
    T value_;
    Error error_;
  };
};

}  // namespace detail

template <typename T>
class [[nodiscard]] Result
    : private std::conditional_t<std::is_copy_constructible_v<T>, detail::Copied, detail::Moved> {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : state_(std::move(value)) {}               // NOLINT(*-explicit-*)
  Result(Unexpected failure) : state_(std::move(failure)) {}  // NOLINT(*-explicit-*)

  [[nodiscard]] bool has_value() const noexcept { return state_.has_value(); }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& operator*() & { return state_.value(); }
  [[nodiscard]] const T& operator*() const& { return state_.value(); }
  // Not nodiscard: FCVM_TRY() may stand for itself.
  T&& operator*() && { return std::move(state_.value()); }
  [[nodiscard]] T* operator->() { return &state_.value(); }
  [[nodiscard]] const T* operator->() const { return &state_.value(); }

  [[nodiscard]] T& value() & { return **this; }
  [[nodiscard]] const T& value() const& { return **this; }
  [[nodiscard]] T&& value() && { return *std::move(*this); }
  template <typename U>
  [[nodiscard]] T value_or(U&& fallback) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(fallback));
  }

  [[nodiscard]] Error& error() & { return state_.error(); }
  [[nodiscard]] const Error& error() const& { return state_.error(); }
  [[nodiscard]] Error&& error() && { return std::move(state_.error()); }

 private:
  detail::Either<T> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() : state_(detail::Copied{}) {}
  Result(Unexpected failure) : state_(std::move(failure)) {}  // NOLINT(*-explicit-*)

  [[nodiscard]] bool has_value() const noexcept { return state_.has_value(); }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
  void operator*() const {}
  void value() const {}

  [[nodiscard]] Error& error() & { return state_.error(); }
  [[nodiscard]] const Error& error() const& { return state_.error(); }
  [[nodiscard]] Error&& error() && { return std::move(state_.error()); }

 private:
  detail::Either<detail::Copied> state_;
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
