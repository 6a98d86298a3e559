// Takes options that it does not have.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  fcvm_setting pattern = {sizeof pattern, FCVM_OPTION_TEXT, "pattern", "x", 0, nullptr, 0, 0};
  const fcvm_setting* rows[] = {&pattern};
  const fcvm_settings only_pattern = {sizeof only_pattern, 1, rows};
  bool has_all = false;
  for (std::uint32_t i = 0; i < settings->count; ++i) {
    const char* const name = settings->items[i]->name;
    has_all = has_all || (name != nullptr && std::string_view(name) == "no-such-option");
  }
  return base::create(host, has_all ? &only_pattern : settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
