// Built without -z defs: uses a function that nothing defines.
#include "tests/broken-plugins/base.hpp"

extern "C" int function_of_no_library();

FCVM_BROKEN(base::descriptor.capabilities = static_cast<std::uint64_t>(function_of_no_library()));
