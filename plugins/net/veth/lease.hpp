// Lease: owns a number that no other process of this host, nor another VM of this one, has at the
// same time: the place of a VM in the pool of addresses.
//
// It is a lock on one byte of a file (an open file description lock), so it is free again the
// moment its holder is dead; nothing has to be cleaned up for that. What its holder wrote beside it
// stays, and tells the next one whose remains may still be about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::net {

class Lease {
 public:
  /// None.
  Lease() = default;

  /// Nothing when another holds it. The file is made when missing, and never removed.
  static Result<std::optional<Lease>> try_take(const std::string& path, std::uint64_t number);

  /// What its last holder noted and did not clear, or "". For numbers below a million.
  [[nodiscard]] Result<std::string> note() const;
  /// At most 63 bytes.
  Result<void> write_note(const std::string& text);

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] bool held() const { return file_.valid(); }
  void give_back() { file_.reset(); }

 private:
  Lease(std::uint64_t number, Fd file) : number_(number), file_(std::move(file)) {}

  std::uint64_t number_ = 0;
  Fd file_;
};

/// <directory>/<this network namespace>: addresses and settings are the namespace's own. Made when
/// missing, for its owner only.
Result<std::string> namespace_directory(const std::string& directory);

}  // namespace fcvm::net
