// What a thread does as the guest's process that asked for it: files belong to who makes them.
#pragma once

#include <cstdint>
#include <optional>

#include "fusepipe/server/directory.hpp"
#include "fusepipe/server/message.hpp"

namespace fcvm::fusepipe {

/// While it lives, this thread makes files for the request's user and group. As root it may still
/// do so everywhere, since the guest's kernel has said yes by then; it knows the user's other
/// groups, and we do not. As another user it changes nothing.
class AsCaller {
 public:
  AsCaller(const Directory& directory, const Request& request);
  AsCaller(const AsCaller&) = delete;
  AsCaller& operator=(const AsCaller&) = delete;
  ~AsCaller();

  /// 0, or why files of that user cannot be made here: EOVERFLOW when the map has no id for it.
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  bool changed_ = false;
  bool has_group_ = false;
  int error_ = 0;
};

/// While it lives, this thread has no right to leave set-user-id bits when it writes.
class WithoutSetIdRight {
 public:
  explicit WithoutSetIdRight(bool wanted);
  WithoutSetIdRight(const WithoutSetIdRight&) = delete;
  WithoutSetIdRight& operator=(const WithoutSetIdRight&) = delete;
  ~WithoutSetIdRight();

 private:
  bool changed_ = false;
};

/// Takes from this process the rights of root's that serving files does not need.
Result<void> keep_rights_of_files();

}  // namespace fcvm::fusepipe
