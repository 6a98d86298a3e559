// One request of the kernel's, and the answer to it.
//
// Arguments reads what a request carries and never past its end, whatever lengths the guest writes
// into it. Reply owns the memory of an answer, which a thread uses again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "fusepipe/stream/kernel_fuse.hpp"

namespace fcvm::fusepipe {

class Arguments {
 public:
  Arguments() = default;
  explicit Arguments(std::span<const std::byte> bytes) : rest_(bytes) {}

  /// A struct of the protocol. Older kernels send a shorter one; what it lacks is zero.
  template <typename T>
  [[nodiscard]] std::optional<T> take(std::size_t shortest = sizeof(T)) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (rest_.size() < shortest) return std::nullopt;
    T value{};
    const std::size_t size = rest_.size() < sizeof(T) ? rest_.size() : sizeof(T);
    std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }

  /// A text up to its zero, which must be there.
  [[nodiscard]] std::optional<std::string> text();
  /// The name of one entry of a directory: not empty, without a slash, neither "." nor "..".
  [[nodiscard]] std::optional<std::string> name();

  [[nodiscard]] std::span<const std::byte> rest() const noexcept { return rest_; }

 private:
  std::span<const std::byte> rest_;
};

struct Request {
  fuse_in_header header{};
  Arguments arguments;
  /// The group by which the caller may create, when it is not its first.
  std::optional<std::uint32_t> group;

  /// Nothing when the bytes are no request.
  static std::optional<Request> parse(std::span<const std::byte> message);
};

class Reply {
 public:
  Reply();

  void clear() noexcept { size_ = sizeof(fuse_out_header); }
  /// Space for up to `size` bytes, of which used() says how many count. Empty when there is no
  /// room.
  [[nodiscard]] std::span<std::byte> space(std::size_t size);
  void used(std::size_t size) noexcept { size_ += size; }

  template <typename T>
  void add(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    add({reinterpret_cast<const std::byte*>(&value), sizeof value});
  }
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }

  /// The whole message. With an error it has nothing but its header.
  [[nodiscard]] std::span<const std::byte> finish(std::uint64_t unique, int error);

 private:
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t size_ = sizeof(fuse_out_header);
};

}  // namespace fcvm::fusepipe
