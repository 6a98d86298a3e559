// Goes on without an option that it requires.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  const fcvm_setting pattern = {
      sizeof(fcvm_setting), FCVM_OPTION_TEXT, "pattern", "x", 0, nullptr, 0, 0};
  bool right = true;
  for (std::uint32_t i = 0; i < settings->count; ++i) {
    const auto* const known = base::find_option(settings->items[i]->name);
    right = right && known != nullptr && known->type == settings->items[i]->type;
  }
  const fcvm_setting* const rows[] = {&pattern};
  const fcvm_settings repaired = {sizeof(fcvm_settings), 1, rows};
  return base::create(host, right ? &repaired : settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
