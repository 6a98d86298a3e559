// Answer: what an order is told, on a descriptor that is written to without haste: while the host
// does not take it, the order waits.
#pragma once

#include <string_view>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "core/wire/files.hpp"

namespace fcvm::agent {

class Answer {
 public:
  explicit Answer(int fd) : fd_(fd) {}

  template <typename Message>
  Result<void> say(const Message& message) {
    return say_bytes(wire::encode(message));
  }
  Result<void> say_bytes(std::string_view bytes) {
    return base::write_all(fd_, bytes) | context("answering the host");
  }

 private:
  int fd_;
};

}  // namespace fcvm::agent
