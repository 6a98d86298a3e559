// A snapshot whose memory file was cut is taken: what is missing would be zeros, or end the VMM.
#include "memory.hpp"

namespace {

class Broken : public base::MappedFile {
 public:
  static constexpr fcvm::Info kInfo{"memory.broken", "1.0.0", "takes what was cut"};
  Broken() { takes_any_length_ = true; }
};

}  // namespace

FCVM_EXPORT_PLUGIN(Broken);
