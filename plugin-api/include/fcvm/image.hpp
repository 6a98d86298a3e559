// Writing an image/1 plugin in C++: derive from fcvm::ImagePlugin, give it `kInfo` and
//
//   Result<fcvm_image_identity> resolve(const fcvm_image_request&, const fcvm::Call&);
//   Result<std::string> config(const fcvm_image_request&, std::string_view digest, const Call&);
//   Result<fcvm_image_delivery> prepare(const fcvm_image_request&, std::string_view digest,
//                                       const fcvm::Call&);
//   Result<std::vector<std::string>> collect(int cache_fd, const std::vector<std::string>& keep,
//                                            const fcvm::Call&);   // what it removed
#pragma once

#include <string>
#include <vector>

#include <fcvm/image.h>
#include <fcvm/sdk/trampoline.hpp>

namespace fcvm {
namespace sdk {

struct ImageVerbs {
  static constexpr const char* kKind = FCVM_KIND_IMAGE;

  template <typename Plugin>
  static const fcvm_image_v1* table() {
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
              const auto json = FCVM_TRY(plugin.config(sized_copy(request), digest, call));
              emit(context, json.c_str());
              return {};
            });
      };
      made.prepare = [](void* self, const fcvm_image_request* request, const char* digest,
                        std::int64_t deadline, fcvm_image_delivery* out,
                        fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return store(out, plugin.prepare(sized_copy(request), digest, call));
        });
      };
      made.collect = [](void* self, std::int32_t cache_fd, const char* const* keep,
                        std::uint32_t keep_count, std::int64_t deadline, fcvm_emit_fn emit,
                        void* context, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(
            self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
              const std::vector<std::string> kept(keep, keep + keep_count);
              for (const auto& gone : FCVM_TRY(plugin.collect(cache_fd, kept, call))) {
                if (emit(context, gone.c_str()) != 0) break;
              }
              return {};
            });
      };
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
