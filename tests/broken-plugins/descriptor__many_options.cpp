// More options than a host takes.
#include "tests/broken-plugins/base.hpp"

namespace {

const fcvm_option* rows[1000];

}  // namespace

FCVM_BROKEN(for (auto& row
                 : rows) row = &base::options[1];
            base::descriptor.options = rows; base::descriptor.option_count = 1000);
