// See port_owner.hpp.
#include "core/vm/store/port_owner.hpp"

namespace fcvm::vm {

std::string port_owner(const std::vector<Record>& records, const PublishedPort& wish) {
  for (const Record& record : records) {
    if (record.is_up() && !check_free(wish, record.ports)) return record.name;
  }
  return {};
}

}  // namespace fcvm::vm
