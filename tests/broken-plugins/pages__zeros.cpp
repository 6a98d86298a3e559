// A clone whose memory is empty.
#include "memory.hpp"

namespace {

class Broken : public base::MappedFile {
 public:
  static constexpr fcvm::Info kInfo{"memory.broken", "1.0.0", "gives zeros"};
  Broken() { makes_zeros_ = true; }
};

}  // namespace

FCVM_EXPORT_PLUGIN(Broken);
