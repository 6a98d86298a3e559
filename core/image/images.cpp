#include "core/image/images.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/core.h>

#include "core/digest/sha256.hpp"
#include "core/log/log.hpp"

namespace fcvm::image {
namespace {

constexpr std::size_t kShortestId = 4;

/// What a bare name may stand for, as podman looks for it in its own store.
std::vector<std::string> meanings(std::string_view word) {
  std::string name(word);
  const auto slash = name.rfind('/');
  const bool tagged = name.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos ||
                      name.find('@') != std::string::npos;
  if (!tagged) name += ":latest";
  return {std::string(word), name, "localhost/" + name, "docker.io/" + name,
          "docker.io/library/" + name};
}

bool has_name(const Image& image, const std::string& name) {
  return std::ranges::find(image.names, name) != image.names.end();
}

bool has_digest(const Image& image, const std::string& digest) {
  return std::ranges::find(image.digests, digest) != image.digests.end();
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Result<vm::ImageSource*> Images::source(const std::string& plugin) {
  auto& known = sources_[plugin];
  if (!known) {
    known = FCVM_TRY(vm::ImageSource::open(registry_, config_, paths_, plugin, services_));
  }
  return known.get();
}

std::vector<std::string> Images::plugins_with_cache() const {
  std::vector<std::string> plugins;
  for (const auto& entry : registry_.entries()) {
    const std::string& id = entry.descriptor.id;
    if (entry.descriptor.family() == "image" && vm::ImageSource::has_cache(paths_, id)) {
      plugins.push_back(id);
    }
  }
  return plugins;
}

Result<std::vector<Image>> Images::all(const std::vector<vm::Record>& vms) {
  std::vector<Image> images;
  for (const auto& plugin : plugins_with_cache()) {
    // One plugin that fails hides no other's images.
    if (const auto added = add_images_of(plugin, vms, images); !added) {
      log::warning("image", "{}: {}", plugin, added.error().message());
    }
  }
  std::ranges::sort(images, [](const Image& one, const Image& other) {
    return std::tie(one.names, one.digest) < std::tie(other.names, other.digest);
  });
  return images;
}

Result<void> Images::add_images_of(const std::string& plugin, const std::vector<vm::Record>& vms,
                                   std::vector<Image>& images) {
  vm::ImageSource* from = FCVM_TRY(source(plugin));
  if (!from->can_list()) return {};
  for (auto& stored : FCVM_TRY(from->list(base::Deadline::never()))) {
    Image image;
    image.plugin = plugin;
    image.digest = stored.digests.front();
    image.digests = std::move(stored.digests);
    image.names = std::move(stored.names);
    image.stored_bytes = stored.bytes;
    image.used_ns = stored.used_ns;
    auto config = from->config(image.digest, base::Deadline::never());
    if (!config) {
      log::warning("image", "{}: {}", image.digest, config.error().message());
      continue;
    }
    image.config = *std::move(config);
    image.id = digest::sha256(image.config);
    for (const auto& record : vms) {
      if (record.image_plugin == plugin && has_digest(image, record.image_digest)) {
        image.vms.push_back(record.name);
      }
    }
    images.push_back(std::move(image));
  }
  return {};
}

void Images::cancel() {
  const std::lock_guard lock(mutex_);
  if (pulling_ != nullptr) pulling_->cancel();
}

Result<Image> Images::pull(const PullRequest& request) {
  vm::ImageSource* from = FCVM_TRY(source(request.plugin));
  const auto pulling = [&](vm::ImageSource* source) {
    const std::lock_guard lock(mutex_);
    pulling_ = source;
  };
  pulling(from);
  auto prepared =
      from->prepare({request.reference, request.policy, request.platform}, base::Deadline::never());
  pulling(nullptr);
  const auto made = FCVM_TRY(std::move(prepared));
  Image image;
  image.plugin = request.plugin;
  image.digest = made.digest;
  image.digests = {made.digest};
  image.id = made.id;
  image.names = {made.name};
  return image;
}

Result<vm::ImageSource::Image> Images::hold(const Image& image) {
  // By its id: what a name of it means may have changed.
  vm::ImageSource* from = FCVM_TRY(source(image.plugin));
  return from->prepare({"sha256:" + image.id, FCVM_PULL_NEVER, ""}, base::Deadline::never());
}

Result<void> Images::name(const Image& image, const std::string& name) {
  vm::ImageSource* at = FCVM_TRY(source(image.plugin));
  return at->name(name, image.digest, base::Deadline::never());
}

Result<void> Images::unname(const Image& image, const std::string& name) {
  vm::ImageSource* at = FCVM_TRY(source(image.plugin));
  return at->name(name, "", base::Deadline::never());
}

Result<std::vector<bool>> Images::remove(const std::vector<Image>& images) {
  std::map<std::string, std::vector<std::string>> unwanted;
  for (const auto& image : images) unwanted[image.plugin].push_back(image.digest);
  std::map<std::string, std::vector<std::string>> gone;
  for (const auto& [plugin, digests] : unwanted) {
    vm::ImageSource* at = FCVM_TRY(source(plugin));
    gone[plugin] = FCVM_TRY(at->collect(digests, base::Deadline::never()));
  }
  std::vector<bool> removed;
  for (const auto& image : images) {
    const auto& digests = gone.at(image.plugin);
    removed.push_back(std::ranges::find(digests, image.digest) != digests.end());
  }
  return removed;
}

Result<void> Images::tidy() {
  for (const auto& plugin : plugins_with_cache()) {
    vm::ImageSource* at = FCVM_TRY(source(plugin));
    if (at->can_list()) FCVM_TRY(at->collect({}, base::Deadline::never()));
  }
  return {};
}

namespace {

/// Null for none.
Result<const Image*> by_id(const std::vector<Image>& images, std::string_view word) {
  const std::string_view hex = word.starts_with("sha256:") ? word.substr(7) : word;
  if (hex.size() < kShortestId || !is_hex(hex)) return nullptr;
  const Image* found = nullptr;
  for (const auto& image : images) {
    const bool fits = image.id.starts_with(hex);
    // Kept by two plugins it is one image still.
    if (fits && found != nullptr && found->id != image.id) {
      return fail(EINVAL, fmt::format("several images begin with {}", word),
                  "write more of it; fcvm images --no-trunc shows all");
    }
    if (fits) found = &image;
  }
  return found;
}

}  // namespace

Result<const Image*> find_image(const std::vector<Image>& images, std::string_view word) {
  // The id first, as podman has it, and no name that looks like one: whoever makes an archive
  // chooses its names.
  const Image* found = FCVM_TRY(by_id(images, word));
  if (found != nullptr) return found;
  const bool is_digest = word.starts_with("sha256:");
  for (const auto& name : meanings(word)) {
    for (const auto& image : images) {
      if (has_digest(image, name) || (!is_digest && has_name(image, name))) return &image;
    }
  }
  return fail(ENOENT, fmt::format("{}: image not known", word),
              "fcvm images lists those there are");
}

bool is_meant(std::string_view word, const std::string& name) {
  const auto names = meanings(word);
  return std::ranges::find(names, name) != names.end();
}

bool is_of_repository(std::string_view word, const std::string& name) {
  const std::string repository = split_name(name).repository;
  return repository == word || repository.ends_with("/" + std::string(word));
}

std::string name_meant(const Image& image, std::string_view word) {
  for (auto& name : meanings(word)) {
    if (has_name(image, name)) return std::move(name);
  }
  return {};
}

NameParts split_name(const std::string& name) {
  const auto at = name.find('@');
  if (at != std::string::npos) return {name.substr(0, at), "<none>"};
  const auto slash = name.rfind('/');
  const auto colon = name.rfind(':');
  const bool has_tag = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  if (!has_tag) return {name, "<none>"};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

}  // namespace fcvm::image
