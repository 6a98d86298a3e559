// TarReader: where the members of a tar archive lie in its file. Borrows the descriptor.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

namespace fcvm::archive {

class TarReader {
 public:
  struct Member {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  /// Reads the headers alone, however large the members are. Fails with EBADMSG when a header is
  /// damaged or the file ends too early.
  static Result<TarReader> open(int fd, const Call& call);
  /// Whether the file begins as a tar archive that is not compressed.
  static Result<bool> recognises(int fd);

  [[nodiscard]] bool has(const std::string& name) const { return members_.contains(name); }
  /// EBADMSG when there is no such member, EFBIG when it is larger than a document should be.
  [[nodiscard]] Result<std::string> read(const std::string& name) const;

 private:
  explicit TarReader(int fd) : fd_(fd) {}

  int fd_;
  std::map<std::string, Member> members_;
};

}  // namespace fcvm::archive
