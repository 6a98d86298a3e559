// [profile.NAME]: who defines which, and who inherits from whom.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/load/layers.hpp"
#include "core/config/load/section_builder.hpp"

namespace fcvm::config {

class Profiles {
 public:
  /// Checks every profile of every document, selected or not.
  Profiles(const std::vector<Document>& documents, Problems& problems);

  [[nodiscard]] std::vector<std::string> names() const;

  /// Applies a profile over what it inherits from. `asked_by` ("--profile") is for the message when
  /// there is no such profile.
  void apply(const std::string& name, const Origin& asked_by, SectionBuilder& run) const;

 private:
  struct Definition {
    const Document* document = nullptr;
    Node table{};  // without `inherits`
  };
  struct Profile {
    std::vector<Definition> definitions{};  // lowest layer first
    std::string parent{};
    Origin parent_at{};
  };

  void add(const Document& document, const Member& member);
  void take_parent(const Document& document, Profile& profile, Node& table);
  void check_options(const std::string& name, const Definition& definition) const;
  void check_parents(const std::string& name) const;

  std::map<std::string, Profile> profiles_;
  Problems& problems_;
};

}  // namespace fcvm::config
