// It takes for granted that a record is there.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t recover(const fcvm_host*, const fcvm_settings*, std::int64_t, fcvm_error*) {
  std::abort();
}

}  // namespace

FCVM_BROKEN(plugin.recover = recover);
