// See template.hpp.
#include "agent/container/fast/template.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

#include "agent/boot/identity.hpp"
#include "agent/container/podman.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent::fast {
namespace {

constexpr std::size_t kIdLength = 64;
/// Where an ELF file has its build id.
constexpr std::size_t kHead = 4096;

Result<std::string> head_of(const std::string& path) {
  const auto file = FCVM_TRY(base::open_file(path, O_RDONLY));
  std::string bytes(kHead, '\0');
  const ssize_t got = ::read(file.get(), bytes.data(), bytes.size());
  if (got < 0) return fail_errno("reading " + path);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Result<void> check_equal(const std::string& recorded, const std::string& now,
                         const std::string& what) {
  if (recorded == now) return {};
  return fail(ESTALE, what + " is another than the store was made with");
}

Result<void> check_origin(const std::string& directory) {
  std::string programs;
  for (const char* program : {"/usr/bin/podman", "/usr/bin/conmon", "/usr/bin/crun"}) {
    programs += FCVM_TRY(head_of(program));
  }
  const std::string recorded = FCVM_TRY(base::read_file(directory + "/programs"));
  const std::string storage = FCVM_TRY(base::read_file(directory + "/storage.conf"));
  const std::string containers = FCVM_TRY(base::read_file(directory + "/containers.conf"));
  FCVM_TRY(check_equal(recorded, programs, "podman, conmon or crun"));
  FCVM_TRY(check_equal(storage, storage_conf("overlay", 1), "podman's storage.conf"));
  return check_equal(containers, containers_conf(), "podman's containers.conf");
}

Result<Json> read_json(const std::string& text, const std::string& what) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(EBADMSG, what + " is not JSON");
  return json;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// Of a list with a single member, as the storage library has them.
Result<std::string> only_id(const Json& list, const std::string& what) {
  if (!list.is_array() || list.size() != 1 || !list[0].is_object() || !list[0].contains("id") ||
      !list[0]["id"].is_string()) {
    return fail(EBADMSG, what + " has not one member");
  }
  return list[0]["id"].get<std::string>();
}

/// The last one, which is podman's JSON.
Result<std::string> column(const SqliteFile& database, const std::string& table) {
  auto row = FCVM_TRY(database.row(table));
  if (row.empty()) return fail(EBADMSG, table + " has no columns");
  return std::move(row.back().bytes);
}

Result<void> set_column(SqliteFile& database, const std::string& table, const Json& json) {
  auto row = FCVM_TRY(database.row(table));
  row.back().set(json.dump());
  return database.replace(table, std::move(row));
}

Result<void> set_name(SqliteFile& database, const std::string& name) {
  auto row = FCVM_TRY(database.row("ContainerConfig"));
  auto entry = FCVM_TRY(database.row("sqlite_autoindex_ContainerConfig_2"));
  if (row.size() < 2 || entry.empty() || row[1].bytes != entry[0].bytes) {
    return fail(EBADMSG, "podman's database has another order of columns");
  }
  row[1].set(name);
  entry[0].set(name);
  FCVM_TRY(database.replace("ContainerConfig", std::move(row)));
  return database.replace("sqlite_autoindex_ContainerConfig_2", std::move(entry));
}

}  // namespace

std::string with_words(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

Result<Template> read_template(const std::string& store) {
  Template made;
  made.directory = store + "/fcvm-start";
  FCVM_TRY(check_origin(made.directory));
  const std::string files = made.directory + "/files" + kStorage;
  const auto containers = FCVM_TRY(base::read_file(files + "/overlay-containers/containers.json"));
  made.containers = FCVM_TRY(read_json(containers, "containers.json"));
  made.recorded_id = FCVM_TRY(only_id(made.containers, "containers.json"));
  made.id = random_name() + random_name();
  if (made.recorded_id.size() != kIdLength || made.id.size() != kIdLength) {
    return fail(EBADMSG, "a container's id has another length");
  }
  const auto now_its = [&](const std::string& text) {
    return with_words(text, made.recorded_id, made.id);
  };
  made.containers = FCVM_TRY(read_json(now_its(containers), "containers.json"));
  const auto layers = FCVM_TRY(base::read_file(files + "/overlay-layers/layers.json"));
  made.layers = FCVM_TRY(read_json(layers, "layers.json"));
  made.layer = FCVM_TRY(only_id(made.layers, "layers.json"));
  const auto oci = FCVM_TRY(base::read_file(made.directory + "/config.json"));
  made.oci = FCVM_TRY(read_json(now_its(oci), "config.json"));
  const auto conmon = FCVM_TRY(base::read_file(made.directory + "/conmon"));
  made.conmon = lines_of(now_its(conmon));
  made.database = FCVM_TRY(base::read_file(files + "/db.sql"));
  const auto database = FCVM_TRY(SqliteFile::open(made.database));
  const auto config = FCVM_TRY(column(database, "ContainerConfig"));
  const auto state = FCVM_TRY(column(database, "ContainerState"));
  made.config = FCVM_TRY(read_json(now_its(config), "ContainerConfig"));
  made.state = FCVM_TRY(read_json(now_its(state), "ContainerState"));
  return made;
}

Result<std::string> database_of(const Template& container) {
  // Of one length, so the file stays one. No key crosses a page, and JSON is written anew.
  auto database = FCVM_TRY(
      SqliteFile::open(with_words(container.database, container.recorded_id, container.id)));
  FCVM_TRY(set_name(database, container.config.value("name", "")));
  FCVM_TRY(set_column(database, "ContainerConfig", container.config));
  FCVM_TRY(set_column(database, "ContainerState", container.state));
  return database.bytes();
}

}  // namespace fcvm::agent::fast
