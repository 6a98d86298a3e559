// See manifest.hpp.
#include "core/snapshot/manifest.hpp"

#include <algorithm>
#include <stdexcept>

#include "core/base/json_number.hpp"
#include "core/digest/sha256.hpp"
#include "core/vm/model/id.hpp"
#include "core/vm/model/json_text.hpp"

namespace fcvm::snapshot {
namespace {

using vm::from_json_text;
using vm::to_json_text;
using Json = nlohmann::ordered_json;

/// No snapshot has as many files, and no plan is nested as deeply.
constexpr std::size_t kMostFiles = 64;
constexpr int kDeepest = 8;

Json write_map(const std::map<std::string, std::string>& map) {
  Json list = Json::array();
  for (const auto& [key, value] : map) {
    list.push_back(Json::array({to_json_text(key), to_json_text(value)}));
  }
  return list;
}

std::map<std::string, std::string> read_map(const Json& json) {
  std::map<std::string, std::string> map;
  for (const Json& pair : json) map[from_json_text(pair.at(0))] = from_json_text(pair.at(1));
  return map;
}

Json write_files(const std::vector<File>& files) {
  Json list = Json::array();
  for (const auto& file : files) {
    list.push_back({{"name", to_json_text(file.name)},
                    {"size", file.size},
                    {"digest", to_json_text(file.digest)}});
  }
  return list;
}

std::vector<File> read_files(const Json& json) {
  if (json.size() > kMostFiles) throw std::invalid_argument("it has too many files");
  std::vector<File> files;
  for (const Json& file : json) {
    File& made = files.emplace_back();
    made.name = from_json_text(file.at("name"));
    made.size = base::json_number<std::uint64_t>(file.at("size"));
    made.digest = from_json_text(file.at("digest"));
    // It is opened, written and removed by that name.
    const bool is_plain =
        !made.name.empty() && made.name.front() != '.' &&
        made.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos;
    if (!is_plain || made.name == Manifest::kFile) {
      throw std::invalid_argument("a file of it has an impossible name");
    }
  }
  return files;
}

Json body_of(const Manifest& manifest) {
  return {{"id", to_json_text(manifest.id)},
          {"tag", to_json_text(manifest.tag)},
          {"kind", to_json_text(manifest.kind)},
          {"created_ns", manifest.created_ns},
          {"uid", manifest.uid},
          {"labels", write_map(manifest.labels)},
          {"parent", to_json_text(manifest.parent)},
          {"vm_id", to_json_text(manifest.vm_id)},
          {"vm_name", to_json_text(manifest.vm_name)},
          {"image_digest", to_json_text(manifest.image_digest)},
          {"plan", Json::parse(manifest.plan)},
          {"recipe", write_map(manifest.recipe)},
          {"plugins", write_map(manifest.plugins)},
          {"vmm_version", to_json_text(manifest.vmm_version)},
          {"snapshot_format", to_json_text(manifest.snapshot_format)},
          {"accelerator", to_json_text(manifest.accelerator)},
          {"agent", to_json_text(manifest.agent)},
          {"paused_ns", manifest.paused_ns},
          {"cpu",
           {{"model", to_json_text(manifest.cpu.model)},
            {"features", to_json_text(manifest.cpu.features)}}},
          {"files", write_files(manifest.files)}};
}

Manifest read_body(const Json& json) {
  Manifest made;
  made.id = from_json_text(json.at("id"));
  if (!vm::is_id(made.id)) throw std::invalid_argument("its id is none");
  made.tag = from_json_text(json.at("tag"));
  if (const auto good = made.tag.empty() ? Result<void>() : vm::check_name(made.tag); !good) {
    throw std::invalid_argument(good.error().message());
  }
  made.kind = from_json_text(json.at("kind"));
  made.created_ns = base::json_number<std::int64_t>(json.at("created_ns"));
  made.uid = base::json_number<std::uint32_t>(json.at("uid"));
  made.labels = read_map(json.at("labels"));
  made.parent = from_json_text(json.at("parent"));
  made.vm_id = from_json_text(json.at("vm_id"));
  made.vm_name = from_json_text(json.at("vm_name"));
  made.image_digest = from_json_text(json.at("image_digest"));
  made.plan = json.at("plan").dump();
  made.recipe = read_map(json.value("recipe", Json::array()));
  made.plugins = read_map(json.at("plugins"));
  made.vmm_version = from_json_text(json.at("vmm_version"));
  made.snapshot_format = from_json_text(json.at("snapshot_format"));
  made.accelerator = from_json_text(json.at("accelerator"));
  made.agent = from_json_text(json.at("agent"));
  made.paused_ns = base::json_number<std::int64_t>(json.at("paused_ns"));
  made.cpu.model = from_json_text(json.at("cpu").at("model"));
  made.cpu.features = from_json_text(json.at("cpu").at("features"));
  made.files = read_files(json.at("files"));
  return made;
}

Json parse(std::string_view text) {
  const Json::parser_callback_t shallow = [](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) throw std::invalid_argument("it is nested too deeply");
    return true;
  };
  return Json::parse(text, shallow);
}

}  // namespace

const File* Manifest::find(std::string_view name) const {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const File& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

std::string to_json(const Manifest& manifest) {
  Json body = body_of(manifest);
  const std::string digest = digest::sha256(body.dump());
  const Json document = {
      {"format", Manifest::kFormat}, {"sha256", digest}, {"snapshot", std::move(body)}};
  return document.dump(1) + '\n';
}

Result<Manifest> manifest_from_json(std::string_view json) {
  try {
    const Json document = parse(json);
    const auto format = base::json_number<int>(document.at("format"));
    if (format != Manifest::kFormat) {
      return fail(ENOTSUP,
                  "it is of format " + std::to_string(format) + ", and this fcvm knows format " +
                      std::to_string(Manifest::kFormat),
                  "use the version of fcvm that made it");
    }
    const Json& body = document.at("snapshot");
    if (digest::sha256(body.dump()) != document.at("sha256").get<std::string>()) {
      return fail(EPROTO, "it was altered since it was made", "make the snapshot again");
    }
    return read_body(body);
  } catch (const std::exception& thrown) {
    return fail(EPROTO, std::string("it cannot be read: ") + thrown.what(),
                "make the snapshot again");
  }
}

}  // namespace fcvm::snapshot
