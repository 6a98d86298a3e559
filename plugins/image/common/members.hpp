// Members: where the members of a tar archive lie in its file. Borrows the descriptor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

namespace fcvm::archive {

class Members {
 public:
  /// Reads the headers alone, however large the members are. Fails with EBADMSG when a header is
  /// damaged, the file ends too early, two members have one name, since readers differ about whose
  /// it is, or when they are more than an image can have.
  static Result<Members> find(int fd, const Call& call);

  [[nodiscard]] bool has(const std::string& name) const { return members_.contains(name); }
  /// EBADMSG when there is no such member, EFBIG when it is larger than a document should be.
  [[nodiscard]] Result<std::string> read(const std::string& name) const;
  /// EBADMSG when there is no such member.
  [[nodiscard]] Result<std::uint64_t> size(const std::string& name) const;
  /// "sha256:..." of its content, which `use` is given piece by piece. EBADMSG when there is none.
  using Use = std::function<Result<void>(std::string_view)>;
  [[nodiscard]] Result<std::string> digest(const std::string& name, const Call& call,
                                           const Use& use = {}) const;

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };

  explicit Members(int fd) : fd_(fd) {}
  [[nodiscard]] Result<Place> place(const std::string& name) const;

  int fd_;
  std::map<std::string, Place> members_;
};

/// Whether the file begins as a tar archive that is not compressed.
Result<bool> is_tar(int fd);

}  // namespace fcvm::archive
