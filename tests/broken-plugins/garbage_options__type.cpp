// Takes a number where it declared text.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  for (std::uint32_t i = 0; i < settings->count; ++i) {
    if (base::find_option(settings->items[i]->name) == nullptr) {
      return base::failed(error, -EINVAL, "unknown option");
    }
  }
  const fcvm_setting pattern = {
      sizeof(fcvm_setting), FCVM_OPTION_TEXT, "pattern", "x", 0, nullptr, 0, 0};
  const fcvm_setting* const rows[] = {&pattern};
  const fcvm_settings cleaned = {sizeof(fcvm_settings), 1, rows};
  return base::create(host, &cleaned, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
