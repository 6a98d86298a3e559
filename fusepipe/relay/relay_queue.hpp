// RelayQueue: one queue of a mount. Reads a request from the kernel, sends it, waits for the
// answer, and hands that back. Owns the queue's device and stream.
//
// One request at a time is fastest. But one that waits for another process (a lock) would keep the
// queue for itself, so while only such are unanswered, requests go on being read.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "fusepipe/relay/link.hpp"
#include "fusepipe/relay/pending.hpp"
#include "fusepipe/stream/message_reader.hpp"

namespace fcvm::fusepipe {

class RelayQueue {
 public:
  struct Options {
    std::chrono::milliseconds patience{};
    bool persistent = false;
  };

  RelayQueue(Link& link, std::uint32_t number, base::Fd device, Link::Opened opened,
             const Options& options);

  /// Until the mount has gone, which is success, or the server, which is an error.
  Result<void> run();

 private:
  Result<bool> take_request();
  Result<void> send(const fuse_in_header& header, Pending::Bytes message);
  Result<void> take_answer();
  Result<void> replace_stream();
  Result<void> answer_without_server(const fuse_in_header& header);
  void adopt(Link::Opened opened);
  void drop_stream();
  bool hand_back(Pending::Bytes answer);
  bool hand_back_error(std::uint64_t unique, int error);
  Result<void> read_may_wait(bool may);
  bool wait_for_either();

  Link& link_;
  std::uint32_t number_;
  base::Fd device_;
  bool read_may_wait_ = true;
  Options options_;
  base::Fd stream_;
  std::optional<MessageReader> reader_;
  Token server_{};
  Pending pending_;
  std::unique_ptr<std::byte[]> request_;
};

}  // namespace fcvm::fusepipe
