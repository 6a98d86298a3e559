#include "core/vm/supervisor/image_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/printable.hpp"
#include "core/digest/sha256.hpp"
#include "core/plugin/settings.hpp"

namespace fcvm::vm {
namespace {

constexpr std::uint64_t kLongestConfig = 16 << 20;
/// Nobody has as many images.
constexpr std::size_t kMostImages = 1 << 16;
/// No machine has as many disks.
constexpr std::size_t kMostDisks = 4096;

std::int32_t keep_disk(void* to, const fcvm_image_disk* raw) {
  auto& disks = *static_cast<std::vector<ImageSource::Disk>*>(to);
  if (disks.size() >= kMostDisks) return 1;
  const auto disk = sized_copy(raw);
  disks.push_back({disk.path == nullptr ? "" : disk.path, disk.format == nullptr ? "" : disk.format,
                   disk.content_bytes, disk.flags});
  return 0;
}

std::vector<std::string> texts(const char* const* words) {
  std::vector<std::string> all;
  for (; words != nullptr && *words != nullptr; ++words) all.emplace_back(*words);
  return all;
}

std::int32_t keep_entry(void* to, const fcvm_image_entry* raw) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  auto& entries = *static_cast<std::vector<ImageSource::Stored>*>(to);
  if (entries.size() >= kMostImages) return 1;
  const auto entry = sized_copy(raw);
  entries.push_back(
      {texts(entry.digests), texts(entry.names), entry.stored_bytes, entry.used_seconds * kSecond});
  return 0;
}

/// It is shown, kept, and becomes part of file names.
Result<void> check_digest(const std::string& digest) {
  const auto colon = digest.find(':');
  const bool good =
      colon != std::string::npos && colon != 0 && colon + 1 < digest.size() &&
      digest.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789:+._-") == std::string::npos;
  if (good) return {};
  return fail(EPROTO,
              "what it says is the image's digest is none: \"" + base::printable(digest) + "\"",
              "report it to the author of the plugin");
}

Result<void> check_disk(const ImageSource::Disk& disk) {
  if (disk.path.empty() || disk.path.front() != '/') {
    return fail(EPROTO,
                "the image's disk \"" + base::printable(disk.path) + "\" is not an absolute path",
                "report it to the author of the plugin");
  }
  if (::access(disk.path.c_str(), R_OK) == 0) return {};
  return fail_errno("reading the image's disk " + disk.path);
}

}  // namespace

bool ImageSource::has_cache(const Paths& paths, const std::string& plugin) {
  return ::access((paths.images() / plugin).c_str(), F_OK) == 0;
}

Result<std::unique_ptr<ImageSource>> ImageSource::open(const plugin::Registry& registry,
                                                       const config::Config& config,
                                                       const Paths& paths,
                                                       const std::string& plugin,
                                                       plugin::Services services) {
  const auto directory = paths.images() / plugin;
  FCVM_TRY(base::make_directories(directory.string(), 0700));
  Fd cache = FCVM_TRY(base::open_file(directory.string(), O_RDONLY | O_DIRECTORY));
  const plugin::Entry* entry = FCVM_TRY(registry.find(plugin));
  const auto settings = FCVM_TRY(plugin::Settings::of(config, plugin));
  plugin::Object object = FCVM_TRY(plugin::Registry::load(*entry));
  auto instance = FCVM_TRY(
      plugin::Instance<fcvm_image_v1>::create(std::move(object), plugin, settings, services));
  return std::unique_ptr<ImageSource>(new ImageSource(std::move(instance), std::move(cache)));
}

Result<ImageSource::Image> ImageSource::prepare(const Wanted& wanted, base::Deadline deadline) {
  auto request = sized<fcvm_image_request>();
  request.pull = wanted.pull;
  request.reference = wanted.reference.c_str();
  request.platform = wanted.platform.empty() ? nullptr : wanted.platform.c_str();
  request.cache_fd = cache_.get();
  auto identity = sized<fcvm_image_identity>();
  FCVM_TRY(instance_->call({"resolve"}, instance_->verbs().resolve, &request, deadline.as_ns(),
                           &identity));
  Image image;
  image.digest = text_of(identity.digest);
  image.name = text_of(identity.name);
  FCVM_TRY(check_digest(image.digest) | context(instance_->plugin_id()));
  auto delivery = sized<fcvm_image_delivery>();
  FCVM_TRY(instance_->call({"prepare"}, instance_->verbs().prepare, &request, image.digest.c_str(),
                           deadline.as_ns(), &delivery, +keep_disk,
                           static_cast<void*>(&image.disks)));
  image.how = delivery.how;
  for (const Disk& disk : image.disks) FCVM_TRY(check_disk(disk) | context(instance_->plugin_id()));
  image.config = FCVM_TRY(read_config(request, image.digest, deadline));
  image.id = digest::sha256(image.config);
  return image;
}

Result<std::string> ImageSource::read_config(const fcvm_image_request& request,
                                             const std::string& digest, base::Deadline deadline) {
  std::string config;
  const auto keep = [](void* to, const char* json, std::uint64_t length) -> std::int32_t {
    if (length > kLongestConfig) return 1;
    static_cast<std::string*>(to)->assign(json, length);
    return 0;
  };
  FCVM_TRY(instance_->call({"config"}, instance_->verbs().config, &request, digest.c_str(),
                           deadline.as_ns(), +keep, static_cast<void*>(&config)));
  if (!config.empty()) return config;
  return fail(EPROTO, instance_->plugin_id() +
                          " gave no configuration of the image, or one of "
                          "more than 16 MiB");
}

Result<std::string> ImageSource::config(const std::string& digest, base::Deadline deadline) {
  auto request = sized<fcvm_image_request>();
  request.pull = FCVM_PULL_NEVER;
  request.reference = digest.c_str();
  request.cache_fd = cache_.get();
  return read_config(request, digest, deadline);
}

Result<std::vector<ImageSource::Stored>> ImageSource::list(base::Deadline deadline) {
  std::vector<Stored> all;
  FCVM_TRY(instance_->call({"list"}, instance_->verbs().list, cache_.get(), deadline.as_ns(),
                           +keep_entry, static_cast<void*>(&all)));
  for (const Stored& image : all) {
    if (image.digests.empty())
      return fail(EPROTO, instance_->plugin_id() + ": an image has no digest");
    for (const auto& digest : image.digests) {
      FCVM_TRY(check_digest(digest) | context(instance_->plugin_id()));
    }
  }
  return all;
}

Result<void> ImageSource::name(const std::string& name, const std::string& digest,
                               base::Deadline deadline) {
  const char* const whose = digest.empty() ? nullptr : digest.c_str();
  return instance_->call({"name"}, instance_->verbs().name, cache_.get(), name.c_str(), whose,
                         deadline.as_ns());
}

Result<std::vector<std::string>> ImageSource::collect(const std::vector<std::string>& unwanted,
                                                      base::Deadline deadline) {
  std::vector<const char*> digests;
  for (const auto& digest : unwanted) digests.push_back(digest.c_str());
  std::vector<std::string> gone;
  const auto note = [](void* to, const char* text, std::uint64_t length) -> std::int32_t {
    static_cast<std::vector<std::string>*>(to)->emplace_back(text, length);
    return 0;
  };
  FCVM_TRY(instance_->call({"collect"}, instance_->verbs().collect, cache_.get(), digests.data(),
                           static_cast<std::uint32_t>(digests.size()), deadline.as_ns(), +note,
                           static_cast<void*>(&gone)));
  return gone;
}

}  // namespace fcvm::vm
