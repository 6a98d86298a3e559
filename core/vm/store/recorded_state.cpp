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
  return record_.change([&](Record& record) {
    Entries& entries = record.plugin_state[std::string(plugin)];
    const auto at = find_key(entries, key);
    if (at == entries.end()) {
      entries.emplace_back(key, value);
    } else {
      at->second = value;
    }
  });
}

Result<void> RecordedState::forget(std::string_view plugin, const std::string& key) {
  return record_.change([&](Record& record) {
    const auto state = record.plugin_state.find(std::string(plugin));
    if (state == record.plugin_state.end()) return;
    const auto at = find_key(state->second, key);
    if (at != state->second.end()) state->second.erase(at);
    if (state->second.empty()) record.plugin_state.erase(state);
  });
}

std::vector<std::pair<std::string, std::string>> RecordedState::list(std::string_view plugin) {
  return record_.look([&](const Record& record) {
    const auto state = record.plugin_state.find(std::string(plugin));
    return state == record.plugin_state.end() ? Entries() : state->second;
  });
}

Result<base::Fd> RecordedState::directory() {
  return base::open_file(record_.store().paths().vm(record_.id()).string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace fcvm::vm
