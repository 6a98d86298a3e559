// A verb that waits, run on a thread of its own as the core runs it, so that it can be cancelled.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/sized.hpp>

#include "plugin-api/check/loaded.hpp"

namespace fcvm::check {

struct BlockingVerb {
  std::string name;
  std::function<std::int32_t(void* instance, std::int64_t deadline, fcvm_error* error)> run;
};
/// The verb of this kind that can wait without touching the machine; a skip when there is none.
[[nodiscard]] Result<BlockingVerb> blocking_verb(const Loaded& plugin);

class RunningVerb {
 public:
  RunningVerb(const Loaded& plugin, const BlockingVerb& verb, void* instance,
              std::int64_t deadline);
  /// Cancels until the verb is back: a case must end even if the plugin is deaf to its deadline.
  ~RunningVerb();
  RunningVerb(const RunningVerb&) = delete;
  RunningVerb& operator=(const RunningVerb&) = delete;

  /// Whether it is back before `until`.
  [[nodiscard]] bool returned_by(std::int64_t until) const;
  // Once it is back:
  [[nodiscard]] std::int32_t code() const { return code_; }
  [[nodiscard]] std::int64_t returned_at() const { return returned_at_; }
  [[nodiscard]] std::string told() const { return check::told(code_, error_); }

 private:
  const Loaded& plugin_;
  void* instance_;
  fcvm_error error_ = sized<fcvm_error>();
  std::int32_t code_ = 0;
  std::int64_t returned_at_ = 0;
  std::atomic<bool> returned_{false};
  std::thread thread_;
};

}  // namespace fcvm::check
