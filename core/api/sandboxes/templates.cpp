// See templates.hpp.
#include "core/api/sandboxes/templates.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include <fmt/core.h>

#include "core/base/printable.hpp"

namespace fcvm::api {

std::vector<std::string> Template::run_words(const std::vector<std::string>& options) const {
  std::vector<std::string> words;
  if (!profile.empty()) words = {"--profile", profile};
  words.emplace_back("run");
  words.insert(words.end(), options.begin(), options.end());
  if (command.empty()) {
    // Not the image's own entry point, which may do anything with words that it is given.
    words.insert(words.end(), {"--entrypoint", "sleep", image, "infinity"});
    return words;
  }
  words.push_back(image);
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

Result<Templates> Templates::make(const std::map<std::string, std::string>& said,
                                  const std::vector<std::string>& profiles, bool any_image) {
  Templates templates;
  templates.any_image_ = any_image;
  for (const auto& [name, words] : said) {
    Template one{.name = name, .image = {}};
    std::istringstream split(words);
    split >> one.image;
    for (std::string word; split >> word;) one.command.push_back(word);
    if (one.image.empty() || one.image.starts_with('-')) {
      return fail(EINVAL, fmt::format("[serve] templates: {} names no image", name),
                  "NAME = \"IMAGE [COMMAND...]\"");
    }
    if (std::find(profiles.begin(), profiles.end(), name) != profiles.end()) one.profile = name;
    templates.templates_.emplace(name, std::move(one));
  }
  return templates;
}

Result<Template> Templates::find(const std::string& name) const {
  const auto found = templates_.find(name);
  if (found != templates_.end()) return found->second;
  if (any_image_ && is_registry_image(name)) return Template{.name = name, .image = name};
  std::string known;
  for (const auto& [one, unused] : templates_) known += (known.empty() ? "" : ", ") + one;
  return fail(ENOENT, fmt::format("there is no template {}", base::printable(name)),
              known.empty() ? "[serve] templates in the server's configuration names some"
                            : "there are: " + known);
}

bool is_registry_image(std::string_view text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@";
  constexpr std::string_view kTransports[] = {
      "oci", "dir", "docker", "oci-archive", "docker-archive", "containers-storage"};
  const auto first = text.substr(0, text.find(':'));
  const bool has_transport =
      first.size() < text.size() &&
      std::find(std::begin(kTransports), std::end(kTransports), first) != std::end(kTransports);
  return !text.empty() && text.size() <= 512 &&
         std::string_view("-/.:@").find(text[0]) == std::string_view::npos && !has_transport &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace fcvm::api
