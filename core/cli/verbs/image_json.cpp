#include "core/cli/verbs/image_json.hpp"

#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kSecond = 1'000'000'000;

/// An object, whatever the image's author wrote.
Json config_of(const image::Image& image) {
  Json config = Json::parse(image.config, nullptr, false);
  return config.is_object() ? config : Json::object();
}

/// Null when it is not there.
Json member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? Json(nullptr) : *found;
}

Json list_of(const Json& json) { return json.is_array() ? json : Json::array(); }
Json object_of(const Json& json) { return json.is_object() ? json : Json::object(); }

std::string text_in(const Json& object, const char* name) {
  const Json text = member(object, name);
  return text.is_string() ? text.get<std::string>() : std::string();
}

std::string created_text(const image::Image& image) { return text_in(config_of(image), "created"); }

}  // namespace

std::optional<std::int64_t> created_ns(const image::Image& image) {
  return vm::parse_rfc3339(created_text(image));
}

std::string platform_of(const image::Image& image) {
  const Json config = config_of(image);
  std::string platform = text_in(config, "os") + "/" + text_in(config, "architecture");
  const std::string variant = text_in(config, "variant");
  return variant.empty() ? platform : platform + "/" + variant;
}

Json image_summary(const image::Image& image) {
  return {{"Id", image.id},
          {"Names", image.names},
          {"Digest", image.digest},
          {"Created", created_ns(image).value_or(0) / kSecond},
          {"CreatedAt", created_text(image)},
          {"Size", image.stored_bytes},
          {"Containers", image.vms.size()},
          {"UsedBy", image.vms},
          {"UsedAt", image.used_ns == 0 ? "" : vm::rfc3339(image.used_ns)},
          {"Plugin", image.plugin},
          {"Platform", platform_of(image)}};
}

Json image_details(const image::Image& image) {
  const Json config = config_of(image);
  const Json inner = object_of(member(config, "config"));
  const Json rootfs = object_of(member(config, "rootfs"));
  return {{"Id", image.id},
          {"Digest", image.digest},
          {"RepoTags", image.names},
          {"Created", created_text(image)},
          {"Config", inner},
          {"Architecture", text_in(config, "architecture")},
          {"Os", text_in(config, "os")},
          {"Author", text_in(config, "author")},
          {"Size", image.stored_bytes},
          {"Labels", object_of(member(inner, "Labels"))},
          {"User", text_in(inner, "User")},
          {"RootFS", {{"Type", "layers"}, {"Layers", list_of(member(rootfs, "diff_ids"))}}},
          {"History", list_of(member(config, "history"))},
          {"HealthCheck", member(inner, "Healthcheck")},
          {"Fcvm",
           {{"Plugin", image.plugin},
            {"Digests", image.digests},
            {"UsedBy", image.vms},
            {"UsedAt", image.used_ns == 0 ? "" : vm::rfc3339(image.used_ns)}}}};
}

Json image_history(const image::Image& image) {
  Json steps = Json::array();
  const Json history = list_of(member(config_of(image), "history"));
  for (auto step = history.rbegin(); step != history.rend(); ++step) {
    const Json empty = member(*step, "empty_layer");
    steps.push_back({{"created", text_in(*step, "created")},
                     {"CreatedBy", text_in(*step, "created_by")},
                     {"comment", text_in(*step, "comment")},
                     {"EmptyLayer", empty.is_boolean() && empty.get<bool>()}});
  }
  return steps;
}

}  // namespace fcvm::cli
