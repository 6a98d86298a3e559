// It wants something to undo.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t recover(const fcvm_host*, const fcvm_settings*, std::int64_t, fcvm_error* error) {
  return base::failed(error, -ENOENT, "nothing is recorded");
}

}  // namespace

FCVM_BROKEN(plugin.recover = recover);
