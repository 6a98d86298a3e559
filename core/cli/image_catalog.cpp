#include "core/cli/image_catalog.hpp"

#include <functional>

#include "core/plan/choose.hpp"
#include "core/plan/run_plan.hpp"
#include "core/setup/disk.hpp"
#include "core/setup/guest.hpp"

namespace fcvm::cli {

Result<std::unique_ptr<ImageCatalog>> ImageCatalog::open(Invocation& invocation, bool quiet) {
  std::unique_ptr<ImageCatalog> made(new ImageCatalog(invocation, quiet));
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  const config::Config* config = FCVM_TRY(invocation.config());
  const vm::Store* store = FCVM_TRY(invocation.store());
  made->images_.emplace(
      *registry, *config, store->paths(),
      plugin::Services{
          .process = &made->processes_, .progress = &made->progress_, .builder = made.get()});
  return made;
}

Result<std::vector<image::Image>> ImageCatalog::all() {
  const auto records = FCVM_TRY(invocation_.records());
  return images_->all(records);
}

Result<std::vector<image::Image>> ImageCatalog::prune(bool all) {
  std::vector<image::Image> unused;
  for (auto& image : FCVM_TRY(this->all())) {
    if ((image.names.empty() || all) && image.vms.empty()) unused.push_back(std::move(image));
  }
  const auto gone = FCVM_TRY(images_->remove(unused));
  std::vector<image::Image> removed;
  for (std::size_t i = 0; i < unused.size(); ++i) {
    if (gone[i]) removed.push_back(std::move(unused[i]));
  }
  return removed;
}

Result<image::Image> ImageCatalog::pull(const std::string& name, std::uint32_t policy) {
  const plugin::Registry* registry = FCVM_TRY(invocation_.registry());
  const config::Config* config = FCVM_TRY(invocation_.config());
  const vm::Store* store = FCVM_TRY(invocation_.store());
  image::PullRequest request;
  request.plugin = FCVM_TRY(plan::choose_image_plugin(*config, *registry));
  request.reference = name;
  request.policy = policy;
  request.platform = invocation_.value("platform", config->text("run", "platform"));
  if (plan::is_hello(name)) {
    const auto guest = FCVM_TRY(setup::find_guest(store->paths().guests()));
    request.reference = plan::reference_of(name, guest);
  }
  return images_->pull(request);
}

Result<void> ImageCatalog::save(const image::SaveRequest& request,
                                const image::BuildDirectory& work) {
  const auto shown = progress_.begin("writing " + request.image.name, 0, "");
  const Call call(saving_, FCVM_NO_DEADLINE);
  auto saved = image::save(request, work, *this, call);
  progress_.end(shown, saved.has_value());
  return saved;
}

void ImageCatalog::cancel() {
  images_->cancel();
  saving_.cancel();
}

/// Most verbs build nothing, so the VMM is chosen, and the guest looked for, by the first that
/// does.
Result<int> ImageCatalog::run(const Build& build, const Call& call,
                              const plugin::GuestService::OutputHandler& output) {
  const plugin::Registry* registry = FCVM_TRY(invocation_.registry());
  const config::Config* config = FCVM_TRY(invocation_.config());
  const vm::Store* store = FCVM_TRY(invocation_.store());
  const auto guest = FCVM_TRY(setup::find_guest(store->paths().guests()));
  image::Builder builder(
      {.registry = *registry,
       .config = *config,
       .paths = store->paths(),
       .make_disk = std::bind_front(setup::make_writable_disk, store->paths().templates()),
       .vmm = FCVM_TRY(plan::choose_vmm(*config, *registry)),
       .guest = {guest.kernel, guest.kernel_elf, guest.initrd, guest.base_image}});
  return builder.run(build, call, output);
}

Result<std::string> ImageCatalog::guest() {
  const vm::Store* store = FCVM_TRY(invocation_.store());
  return FCVM_TRY(setup::find_guest(store->paths().guests())).directory.filename().string();
}

std::string short_id(const std::string& id) { return id.substr(0, 12); }

}  // namespace fcvm::cli
