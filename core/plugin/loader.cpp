#include "core/plugin/loader.hpp"

#include <boost/dll/shared_library.hpp>
#include <fmt/core.h>

#include <fcvm/sdk/sized.hpp>

#include "core/plugin/blame.hpp"

namespace fcvm::plugin {
namespace {

Result<void> check_table(const fcvm_plugin* table) {
  if (table == nullptr) return fail(EPROTO, "its entry symbol returned nothing");
  const fcvm_plugin whole = sized_copy(table);
  if (whole.describe == nullptr || whole.probe == nullptr || whole.create == nullptr ||
      whole.destroy == nullptr || whole.cancel == nullptr || whole.verbs == nullptr) {
    return fail(EPROTO, "its table lacks a required function");
  }
  return {};
}

}  // namespace

Result<Object> Object::from_path(const std::filesystem::path& path) {
  const auto loading = "loading plugin " + path.string();
  try {
    namespace dll = boost::dll;
    auto library = std::make_shared<dll::shared_library>(
        path.string(), dll::load_mode::rtld_now | dll::load_mode::rtld_local);
    blame_exits();
    if (!library->has(FCVM_ENTRY_SYMBOL)) {
      return fail(ENOEXEC, loading + ": it does not export " FCVM_ENTRY_SYMBOL,
                  "build it with fcvm_add_plugin() and FCVM_EXPORT_PLUGIN()");
    }
    const fcvm_plugin* table = library->get<const fcvm_plugin*()>(FCVM_ENTRY_SYMBOL)();
    FCVM_TRY(check_table(table) | context(loading));
    return Object(std::move(library), sized_copy(table));
  } catch (const std::exception& thrown) {
    return fail(ELIBACC, fmt::format("{}: {}", loading, thrown.what()),
                "install the libraries it needs: ldd " + path.string());
  }
}

Result<Object> Object::from_table(const fcvm_plugin* table) {
  FCVM_TRY(check_table(table) | context("registering a built-in plugin"));
  return Object(nullptr, sized_copy(table));
}

}  // namespace fcvm::plugin
