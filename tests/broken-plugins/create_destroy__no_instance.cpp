// Says that it made an instance, and gives none.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host*, const fcvm_settings* settings, void**, fcvm_error* error) {
  return base::check_settings(settings, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
