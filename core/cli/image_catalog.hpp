// ImageCatalog: the images of this host for verbs that work on them, with what fetching and
// preparing them needs: skopeo's processes, a builder, and somewhere to show how far it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/cli/session/run_progress.hpp"
#include "core/image/builder.hpp"
#include "core/image/images.hpp"
#include "core/image/save.hpp"
#include "core/plugin/process_keeper.hpp"

namespace fcvm::cli {

class ImageCatalog final : private plugin::BuilderService {
 public:
  /// `quiet` shows nothing of what takes a while. `invocation` must outlive it.
  static Result<std::unique_ptr<ImageCatalog>> open(Invocation& invocation, bool quiet = false);
  ImageCatalog(const ImageCatalog&) = delete;
  ImageCatalog& operator=(const ImageCatalog&) = delete;

  /// With the VMs that have them.
  Result<std::vector<image::Image>> all();
  /// Removes those that no VM has: all, or those without a name. What is gone then.
  Result<std::vector<image::Image>> prune(bool all);
  /// As `fcvm run` would have it: by its options, and what it means by fcvm/hello.
  Result<image::Image> pull(const std::string& name, std::uint32_t policy);
  /// Shows that it takes a while.
  Result<void> save(const image::SaveRequest& request, const image::BuildDirectory& work);
  [[nodiscard]] image::Images& images() { return *images_; }
  /// From any thread: ends what pull or save waits for.
  void cancel();

 private:
  ImageCatalog(Invocation& invocation, bool quiet) : invocation_(invocation), progress_(quiet) {}

  Result<int> run(const Build& build, const Call& call,
                  const plugin::GuestService::OutputHandler& output) override;
  Result<std::string> guest() override;

  Invocation& invocation_;
  RunProgress progress_;
  plugin::ProcessKeeper processes_;
  std::optional<image::Images> images_;
  CancelSource saving_;
};

/// The twelve digits that podman shows of an id.
[[nodiscard]] std::string short_id(const std::string& id);

}  // namespace fcvm::cli
