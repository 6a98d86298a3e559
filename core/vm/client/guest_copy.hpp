// GuestCopy: the host's end of a copy to or from a guest. Owns the stream. Blocking; the tar
// archive passes through it in pieces, and nothing is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/vm/guest/guest_stream.hpp"

namespace fcvm::vm {

class GuestCopy {
 public:
  /// A stream that was told to go with a CopyOrder.
  GuestCopy(GuestStream stream, std::uint64_t credit)
      : stream_(std::move(stream)), credit_(credit) {}

  /// Out of the guest: some bytes of the archive; 0 at its end, and then the guest had no failure.
  [[nodiscard]] Result<std::size_t> read(std::span<char> into);

  /// Into the guest. Fails with the guest's reason when it gave up.
  [[nodiscard]] Result<void> write(std::string_view bytes);
  /// The archive is complete: waits until the guest has put it where it belongs.
  [[nodiscard]] Result<void> finish();

  /// What the guest said beside the archive, a line each; bounded, and not to be trusted.
  [[nodiscard]] const std::string& remarks() const { return remarks_; }

 private:
  static constexpr std::size_t kLargestRemarks = 16 << 10;

  Result<void> receive();
  Result<void> outcome();

  GuestStream stream_;
  std::uint64_t credit_;
  std::string_view archive_;  // came and was not read; lives until the next receive()
  std::optional<int> exit_code_;
  std::string remarks_;
};

}  // namespace fcvm::vm
