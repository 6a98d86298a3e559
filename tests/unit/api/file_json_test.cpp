#include "core/api/envd/file_json.hpp"

#include <nlohmann/json.hpp>

#include "core/api/call.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::api::envd {
namespace {

using nlohmann::json;

TEST_CASE("an entry has the shape of filesystem.EntryInfo") {
  wire::FileEntry entry;
  entry.name = "f";
  entry.path = "/tmp/f";
  entry.kind = wire::FileKind::kFile;
  entry.size = 5'000'000'000;
  entry.mode = 0640;
  entry.owner = "app";
  entry.group = "apps";
  entry.modified_seconds = 1'700'000'000;
  entry.modified_ns = 5;
  CHECK(json_of(entry) == json{{"name", "f"},
                               {"path", "/tmp/f"},
                               {"type", "FILE_TYPE_FILE"},
                               {"size", "5000000000"},
                               {"mode", 0640},
                               {"permissions", "-rw-r-----"},
                               {"owner", "app"},
                               {"group", "apps"},
                               {"modifiedTime", "2023-11-14T22:13:20.000000005+00:00"}});
}

TEST_CASE("a link tells where it leads, and a guest may say what it likes") {
  wire::FileEntry entry;
  entry.name = "\xff";
  entry.kind = wire::FileKind::kLink;
  entry.mode = 07777;
  entry.link = "/etc";
  entry.modified_seconds = INT64_MAX;
  entry.modified_ns = UINT32_MAX;
  const auto value = json_of(entry);
  CHECK(value["type"] == "FILE_TYPE_SYMLINK");
  CHECK(value["symlinkTarget"] == "/etc");
  CHECK(value["permissions"] == "Lrwxrwxrwx");
  CHECK_FALSE(value.contains("modifiedTime"));
  CHECK(json_text(value).find("\"\xef\xbf\xbd\"") != std::string::npos);
  entry.kind = static_cast<wire::FileKind>(200);
  CHECK(json_of(entry)["type"] == "FILE_TYPE_UNSPECIFIED");
}

TEST_CASE("an event has the shape of filesystem.FilesystemEvent, where there is a word for it") {
  wire::FileEvent event;
  event.kind = wire::FileEventKind::kMode;
  event.name = "a/b";
  CHECK(json_of(event).value() == json{{"name", "a/b"}, {"type", "EVENT_TYPE_CHMOD"}});
  event.entry.emplace().name = "b";
  CHECK(json_of(event).value()["entry"]["name"] == "b");
  event.kind = wire::FileEventKind::kLost;
  CHECK_FALSE(json_of(event));
}

}  // namespace
}  // namespace fcvm::api::envd
