#include "core/vm/store/recorded_state.hpp"

#include <algorithm>
#include <fcntl.h>

namespace fcvm::vm {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

Entries::iterator find_key(Entries& entries, const std::string& key) {
  return std::find_if(entries.begin(), entries.end(),
                      [&](const auto& entry) { return entry.first == key; });
}

}  // namespace

Result<void> RecordedState::put(std::string_view plugin, const std::string& key,
                                const std::string& value) {
  const std::lock_guard guard(mutex_);
  Entries& entries = record_.plugin_state[std::string(plugin)];
  const auto at = find_key(entries, key);
  if (at == entries.end()) {
    entries.emplace_back(key, value);
  } else {
    at->second = value;
  }
  return store_.save(record_);
}

Result<void> RecordedState::forget(std::string_view plugin, const std::string& key) {
  const std::lock_guard guard(mutex_);
  const auto state = record_.plugin_state.find(std::string(plugin));
  if (state == record_.plugin_state.end()) return {};
  const auto at = find_key(state->second, key);
  if (at == state->second.end()) return {};
  state->second.erase(at);
  if (state->second.empty()) record_.plugin_state.erase(state);
  return store_.save(record_);
}

std::vector<std::pair<std::string, std::string>> RecordedState::list(std::string_view plugin) {
  const std::lock_guard guard(mutex_);
  const auto state = record_.plugin_state.find(std::string(plugin));
  return state == record_.plugin_state.end() ? Entries() : state->second;
}

Result<base::Fd> RecordedState::directory() {
  return base::open_file(store_.paths().vm(record_.id).string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace fcvm::vm
