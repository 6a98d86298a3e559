// Two clones of one id: the second hides the first.
#include "memory.hpp"

namespace {

class Broken : public base::MappedFile {
 public:
  static constexpr fcvm::Info kInfo{"memory.broken", "1.0.0", "takes an id twice"};
  Broken() { takes_any_id_ = true; }
};

}  // namespace

FCVM_EXPORT_PLUGIN(Broken);
