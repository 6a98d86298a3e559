// See file_json.hpp.
#include "core/api/envd/file_json.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>

#include "core/vm/model/time_text.hpp"

namespace fcvm::api::envd {
namespace {

using nlohmann::json;

const char* type_of(wire::FileKind kind) {
  switch (kind) {
    case wire::FileKind::kFile:
      return "FILE_TYPE_FILE";
    case wire::FileKind::kDirectory:
      return "FILE_TYPE_DIRECTORY";
    case wire::FileKind::kLink:
      return "FILE_TYPE_SYMLINK";
    case wire::FileKind::kOther:
      break;
  }
  return "FILE_TYPE_UNSPECIFIED";
}

char letter_of(wire::FileKind kind) {
  switch (kind) {
    case wire::FileKind::kFile:
      return '-';
    case wire::FileKind::kDirectory:
      return 'd';
    case wire::FileKind::kLink:
      return 'L';
    case wire::FileKind::kOther:
      break;
  }
  return '?';
}

/// "-rw-r--r--"
std::string permissions_of(const wire::FileEntry& entry) {
  constexpr std::string_view kLetters = "rwxrwxrwx";
  std::string text(1, letter_of(entry.kind));
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    text += (entry.mode >> (kLetters.size() - 1 - i) & 1) != 0 ? kLetters[i] : '-';
  }
  return text;
}

/// A guest claims any time; those that 64 bits of nanoseconds hold are told.
std::optional<std::string> time_of(const wire::FileEntry& entry) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  const std::int64_t seconds = entry.modified_seconds;
  if (seconds < -kLargest || seconds > kLargest || entry.modified_ns >= kSecond)
    return std::nullopt;
  return vm::rfc3339(seconds * kSecond + entry.modified_ns);
}

const char* type_of(wire::FileEventKind kind) {
  switch (kind) {
    case wire::FileEventKind::kCreate:
      return "EVENT_TYPE_CREATE";
    case wire::FileEventKind::kWrite:
      return "EVENT_TYPE_WRITE";
    case wire::FileEventKind::kRemove:
      return "EVENT_TYPE_REMOVE";
    case wire::FileEventKind::kRename:
      return "EVENT_TYPE_RENAME";
    case wire::FileEventKind::kMode:
      return "EVENT_TYPE_CHMOD";
    case wire::FileEventKind::kLost:
    case wire::FileEventKind::kNone:
      break;
  }
  return nullptr;
}

}  // namespace

json json_of(const wire::FileEntry& entry) {
  json value = {{"name", entry.name},
                {"type", type_of(entry.kind)},
                {"path", entry.path},
                {"size", std::to_string(entry.size)},  // 64 bits are text in protobuf's JSON
                {"mode", entry.mode},
                {"permissions", permissions_of(entry)},
                {"owner", entry.owner},
                {"group", entry.group}};
  if (const auto time = time_of(entry)) value["modifiedTime"] = *time;
  if (entry.kind == wire::FileKind::kLink) value["symlinkTarget"] = entry.link;
  return value;
}

std::optional<json> json_of(const wire::FileEvent& event) {
  const char* type = type_of(event.kind);
  if (type == nullptr) return std::nullopt;
  json value = {{"name", event.name}, {"type", type}};
  if (event.entry) value["entry"] = json_of(*event.entry);
  return value;
}

}  // namespace fcvm::api::envd
