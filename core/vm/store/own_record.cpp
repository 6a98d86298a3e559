// See own_record.hpp.
#include "core/vm/store/own_record.hpp"

#include "core/log/log.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {

void OwnRecord::tell(const std::string& type, std::map<std::string, std::string> attributes) const {
  const auto [name, image] =
      look([](const Record& record) { return std::pair(record.name, record.image); });
  warn_if_lost(log_event(store_.paths().events(),
                         {now_ns(), type, id_, name, image, std::move(attributes)}));
}

void OwnRecord::warn_if_lost(const Result<void>& kept) {
  if (!kept) log::warning("vm", "{}", kept.error().message());
}

}  // namespace fcvm::vm
