#include "plugins/image/common/store_plugin.hpp"

#include "core/base/io/file.hpp"
#include "core/base/process/program.hpp"
#include "plugins/image/common/fetch.hpp"
#include "plugins/image/common/request.hpp"

namespace fcvm::archive {

Result<Probe> StorePlugin::probe(const Host&, const Options& options, const Call&) {
  const std::string skopeo = base::find_program(options.skopeo);
  if (!skopeo.empty()) return Probe::usable(skopeo);
  // Images that were fetched before need none.
  return Probe::degraded("skopeo, which fetches images, is not installed (" + options.skopeo + ")",
                         "apt install skopeo");
}

Result<fcvm_image_identity> StorePlugin::resolve(const fcvm_image_request& request,
                                                 const Call& call) {
  const auto wanted = FCVM_TRY(read_request(request, options_));
  const auto cache = FCVM_TRY(open(request.cache_fd));
  return identify(host_, options_, cache, wanted, call);
}

Result<std::string> StorePlugin::config(const fcvm_image_request& request,
                                        std::string_view digest_text, const Call& call) {
  const std::string digest = FCVM_TRY(checked_digest(digest_text));
  const auto cache = FCVM_TRY(open(request.cache_fd));
  const std::string id = cache.id_of(digest);
  // An image that has lost its names, and digests, is known by its id.
  for (const auto& one : {id, digest}) {
    if (auto config = base::read_file(cache.config(one)); !one.empty() && config) return config;
  }
  const auto wanted = FCVM_TRY(read_settled(request, options_, cache, digest));
  return read_config(host_, skopeo(wanted), cache, wanted, digest, call);
}

Result<ImageDelivery> StorePlugin::prepare(const fcvm_image_request& request,
                                           std::string_view digest_text, const Call& call) {
  const std::string digest = FCVM_TRY(checked_digest(digest_text));
  const auto cache = FCVM_TRY(open(request.cache_fd));
  const auto wanted = FCVM_TRY(read_settled(request, options_, cache, digest));
  const Index before = cache.index();
  auto held = FCVM_TRY(ensure_store(host_, kind_, skopeo(wanted), cache, wanted, digest, call));
  FCVM_TRY(note_use(cache, wanted, digest, before, call));
  held_.push_back(std::move(held));
  return ImageDelivery{how_, {{cache.prepared(digest), kind_.file_system, 0, flags_}}};
}

Result<std::vector<ImageEntry>> StorePlugin::list(int cache_fd, const Call&) {
  return FCVM_TRY(open(cache_fd)).list();
}

Result<void> StorePlugin::name(int cache_fd, std::string_view name, std::string_view digest,
                               const Call& call) {
  return name_image(FCVM_TRY(open(cache_fd)), name, digest, call);
}

Result<std::vector<std::string>> StorePlugin::collect(int cache_fd,
                                                      const std::vector<std::string>& unwanted,
                                                      const Call& call) {
  return FCVM_TRY(open(cache_fd)).collect(unwanted, call);
}

}  // namespace fcvm::archive
