// Writing an image/1 plugin in C++: derive from fcvm::ImagePlugin, give it `kInfo` and
//
//   Result<fcvm_image_identity> resolve(const fcvm_image_request&, const fcvm::Call&);
//   Result<std::string> config(const fcvm_image_request&, std::string_view digest, const Call&);
//   Result<fcvm::ImageDelivery> prepare(const fcvm_image_request&, std::string_view digest,
//                                       const fcvm::Call&);
//   Result<std::vector<std::string>> collect(int cache_fd, const std::vector<std::string>&
//   unwanted,
//                                            const fcvm::Call&);   // what it removed
//
// and, where it keeps images (FCVM_IMAGE_CAN_LIST), both of
//
//   Result<std::vector<fcvm::ImageEntry>> list(int cache_fd, const fcvm::Call&);
//   Result<void> name(int cache_fd, std::string_view name, std::string_view digest,
//                     const fcvm::Call&);   // an empty digest takes the name away
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/image.h>
#include <fcvm/sdk/trampoline.hpp>

namespace fcvm {

struct ImageDisk {
  std::string path;
  std::string format;
  std::uint64_t content_bytes = 0;
  std::uint32_t flags = 0;
};

/// The disks, and how the guest uses them.
struct ImageDelivery {
  std::uint32_t how = FCVM_GUEST_LOAD_ARCHIVE;
  std::vector<ImageDisk> disks;
};

/// An image that is kept, by one digest or more.
struct ImageEntry {
  std::vector<std::string> digests;
  std::vector<std::string> names;
  std::uint64_t stored_bytes = 0;
  std::int64_t used_seconds = 0;
};

namespace sdk {

FCVM_HAS_VERB(list);
FCVM_HAS_VERB(name);

inline void emit_entries(const std::vector<ImageEntry>& entries, fcvm_image_entry_fn emit,
                         void* context) {
  for (const ImageEntry& entry : entries) {
    const auto digests = argument_vector(entry.digests);
    const auto names = argument_vector(entry.names);
    auto raw = sized<fcvm_image_entry>();
    raw.digests = digests.data();
    raw.names = names.data();
    raw.stored_bytes = entry.stored_bytes;
    raw.used_seconds = entry.used_seconds;
    if (emit(context, &raw) != 0) return;
  }
}

inline void emit_disks(const std::vector<ImageDisk>& disks, fcvm_image_disk_fn emit,
                       void* context) {
  for (const ImageDisk& disk : disks) {
    auto raw = sized<fcvm_image_disk>();
    raw.flags = disk.flags;
    raw.path = disk.path.c_str();
    raw.format = disk.format.c_str();
    raw.content_bytes = disk.content_bytes;
    if (emit(context, &raw) != 0) return;
  }
}

inline Result<std::string_view> need_image(const char* digest) {
  return need_text(digest, "no image is named");
}

inline Result<std::vector<std::string>> named_images(const char* const* digests,
                                                     std::uint32_t count) {
  if (digests == nullptr && count != 0) return fail(EINVAL, "no images, but their number");
  std::vector<std::string> named;
  for (std::uint32_t i = 0; i < count; ++i) {
    named.emplace_back(FCVM_TRY(need_image(digests[i])));
  }
  return named;
}

struct ImageVerbs {
  static constexpr const char* kKind = FCVM_KIND_IMAGE;

  template <typename Plugin>
  static const fcvm_image_v1* table() {
    static_assert(Has_list<Plugin>::value == Has_name<Plugin>::value,
                  "list and name: both or neither");
    static const fcvm_image_v1 verbs = [] {
      auto made = sized<fcvm_image_v1>();
      made.resolve = [](void* self, const fcvm_image_request* request, std::int64_t deadline,
                        fcvm_image_identity* out, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return store(out, plugin.resolve(sized_copy(request), call));
        });
      };
      made.config = [](void* self, const fcvm_image_request* request, const char* digest,
                       std::int64_t deadline, fcvm_emit_fn emit, void* context,
                       fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(
            self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
              const auto image = FCVM_TRY(need_image(digest));
              if (emit == nullptr) return fail(EINVAL, "no place for the configuration");
              const auto json = FCVM_TRY(plugin.config(sized_copy(request), image, call));
              emit(context, json.data(), json.size());
              return {};
            });
      };
      made.prepare = [](void* self, const fcvm_image_request* request, const char* digest,
                        std::int64_t deadline, fcvm_image_delivery* out, fcvm_image_disk_fn emit,
                        void* context, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(
            self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
              const auto image = FCVM_TRY(need_image(digest));
              if (out == nullptr || emit == nullptr) {
                return fail(EINVAL, "no place for the delivery");
              }
              const auto delivery = FCVM_TRY(plugin.prepare(sized_copy(request), image, call));
              auto raw = sized<fcvm_image_delivery>();
              raw.how = delivery.how;
              sized_assign(out, raw);
              emit_disks(delivery.disks, emit, context);
              return {};
            });
      };
      made.collect = [](void* self, std::int32_t cache_fd, const char* const* unwanted,
                        std::uint32_t count, std::int64_t deadline, fcvm_emit_fn emit,
                        void* context, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(
            self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
              const auto named = FCVM_TRY(named_images(unwanted, count));
              if (emit == nullptr) return fail(EINVAL, "no place for what is removed");
              for (const auto& gone : FCVM_TRY(plugin.collect(cache_fd, named, call))) {
                if (emit(context, gone.data(), gone.size()) != 0) break;
              }
              return {};
            });
      };
      if constexpr (Has_list<Plugin>::value) {
        made.list = [](void* self, std::int32_t cache_fd, std::int64_t deadline,
                       fcvm_image_entry_fn emit, void* context, fcvm_error* error) -> std::int32_t {
          return on_call<Plugin>(
              self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
                if (emit == nullptr) return fail(EINVAL, "no place for the images");
                emit_entries(FCVM_TRY(plugin.list(cache_fd, call)), emit, context);
                return {};
              });
        };
        made.name = [](void* self, std::int32_t cache_fd, const char* name, const char* digest,
                       std::int64_t deadline, fcvm_error* error) -> std::int32_t {
          return on_call<Plugin>(
              self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
                const auto text = FCVM_TRY(need_text(name, "no name is given"));
                return plugin.name(cache_fd, text, digest == nullptr ? "" : digest, call);
              });
        };
      }
      return made;
    }();
    return &verbs;
  }
};

}  // namespace sdk

class ImagePlugin {
 public:
  using Verbs = sdk::ImageVerbs;
};

}  // namespace fcvm
