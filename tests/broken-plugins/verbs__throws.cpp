// A verb of the SDK that throws.
#include <stdexcept>

#include <fcvm/readiness.hpp>

namespace {

class Throws : public fcvm::ReadinessPlugin {
 public:
  static constexpr fcvm::Info kInfo{"readiness.throws", "1.0.0", "throws in its verb"};
  fcvm::Result<void> wait(const fcvm_ready_target&, const fcvm::Call&) {
    throw std::runtime_error("thrown");
  }
};

}  // namespace

FCVM_EXPORT_PLUGIN(Throws);
