// Crashes in the constructor of a global.
#include "tests/broken-plugins/base.hpp"

namespace {

struct Crash {
  Crash() { std::abort(); }
} crash;

}  // namespace

FCVM_BROKEN();
