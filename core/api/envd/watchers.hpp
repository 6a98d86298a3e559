// Watchers: directories that are watched for clients that ask now and then what happened. Owns
// their streams to the guests. Events wait in the guest, which drops them when there are too many,
// so that nothing grows here.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/client/guest_files.hpp"

namespace fcvm::api::envd {

class Watchers {
 public:
  /// Of one sandbox; one more is EDQUOT.
  static constexpr std::size_t kMostOfSandbox = 64;

  /// Its id.
  Result<std::string> add(const std::string& sandbox, vm::FileWatch watch);
  /// What happened since it was asked last. ENOENT when that sandbox has no such watcher; one whose
  /// directory or guest has gone, or that has lost events, goes with the error that says so.
  Result<std::vector<wire::FileEvent>> events(const std::string& sandbox, const std::string& id);
  /// ENOENT when that sandbox has none of that id.
  Result<void> remove(const std::string& sandbox, const std::string& id);

 private:
  struct Watcher {
    explicit Watcher(vm::FileWatch watched) : watch(std::move(watched)) {}

    std::mutex mutex;
    vm::FileWatch watch;
    std::int64_t asked_ns = 0;
  };
  using Key = std::pair<std::string, std::string>;  // sandbox, id

  void drop_forgotten();
  Result<std::shared_ptr<Watcher>> find(const Key& key);

  std::mutex mutex_;
  std::map<Key, std::shared_ptr<Watcher>> watchers_;
};

/// What a watch that says it has lost events is told as.
[[nodiscard]] Unexpected lost_events();

}  // namespace fcvm::api::envd
