// See sandbox_file.hpp.
#include "core/api/sandboxes/sandbox_file.hpp"

#include <algorithm>
#include <system_error>

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/log/log.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;
constexpr std::size_t kLargestFile = 2 << 20;
constexpr std::string_view kSuffix = ".json";

}  // namespace

bool is_sandbox_id(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

std::string to_json(const Sandbox& sandbox) {
  const json value = {{"format", kFormat},
                      {"id", sandbox.id},
                      {"template", sandbox.template_id},
                      {"owner", sandbox.owner},
                      {"metadata", sandbox.metadata},
                      {"environment", sandbox.environment},
                      {"access_token", sandbox.access_token},
                      {"traffic_token", sandbox.traffic_token},
                      {"state", sandbox.state == SandboxState::kPaused ? "paused" : "running"},
                      {"vm", sandbox.vm},
                      {"snapshot", sandbox.snapshot},
                      {"cpus", sandbox.cpus},
                      {"memory_bytes", sandbox.memory_bytes},
                      {"started_s", sandbox.started_s},
                      {"ends_s", sandbox.ends_s},
                      {"pauses_at_end", sandbox.pauses_at_end}};
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

Result<Sandbox> sandbox_from_json(std::string_view text) {
  try {
    const auto value = json::parse(text);
    if (value.at("format").get<int>() > kFormat) {
      return fail(EPROTO, "the file of a sandbox is of a newer format");
    }
    Sandbox sandbox{.id = value.at("id"),
                    .template_id = value.at("template"),
                    .owner = value.at("owner"),
                    .metadata = value.at("metadata"),
                    .environment = value.at("environment"),
                    .access_token = value.at("access_token"),
                    .traffic_token = value.at("traffic_token"),
                    .vm = value.at("vm"),
                    .snapshot = value.at("snapshot"),
                    .cpus = value.at("cpus"),
                    .memory_bytes = value.at("memory_bytes"),
                    .started_s = value.at("started_s"),
                    .ends_s = value.at("ends_s"),
                    .pauses_at_end = value.at("pauses_at_end")};
    if (value.at("state") == "paused") sandbox.state = SandboxState::kPaused;
    if (!is_sandbox_id(sandbox.id)) return fail(EPROTO, "the file of a sandbox has no good id");
    return sandbox;
  } catch (const json::exception& thrown) {
    return fail(EPROTO, std::string("the file of a sandbox is damaged: ") + thrown.what());
  }
}

Result<void> SandboxFiles::save(const Sandbox& sandbox) const {
  FCVM_TRY(base::make_directories(directory_, 0700));
  return base::write_file_atomic(file_of(sandbox.id), to_json(sandbox), 0600);
}

Result<void> SandboxFiles::remove(const std::string& id) const {
  std::error_code error;
  std::filesystem::remove(file_of(id), error);
  if (!error) return {};
  return fail(error.value(), "removing " + file_of(id).string() + ": " + error.message());
}

Result<std::vector<Sandbox>> SandboxFiles::all() const {
  FCVM_TRY(base::make_directories(directory_, 0700));
  std::vector<Sandbox> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const auto name = entry.path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    const auto text = base::read_file(entry.path(), kLargestFile);
    auto sandbox = text ? sandbox_from_json(*text) : unexpected(text.error());
    if (sandbox && sandbox->id + std::string(kSuffix) == name) {
      found.push_back(*std::move(sandbox));
      continue;
    }
    log::warning("serve", "{} is left out: {}", entry.path().string(),
                 sandbox ? "it is of another sandbox" : sandbox.error().message());
  }
  if (error) return fail(error.value(), "reading " + directory_.string() + ": " + error.message());
  return found;
}

}  // namespace fcvm::api
