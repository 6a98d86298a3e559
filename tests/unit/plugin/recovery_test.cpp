// What plugins of any kind have recorded is undone by themselves, or kept.
#include "core/plugin/recovery.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fcvm/image.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::plugin {
namespace {

using test::Contains;

class Recorded : public StateService {
 public:
  using Entries = std::vector<std::pair<std::string, std::string>>;

  Result<void> put(std::string_view, const std::string& key, const std::string& value) override {
    entries.emplace_back(key, value);
    return {};
  }
  Result<void> forget(std::string_view, const std::string& key) override {
    std::erase_if(entries, [&](const auto& entry) { return entry.first == key; });
    return {};
  }
  Entries list(std::string_view) override { return entries; }
  Result<base::Fd> directory() override { return fail(ENOENT, "none"); }

  Entries entries{{"file", "/x"}, {"link", "veth1"}};
};

template <typename Self>
class Image : public ImagePlugin {
 public:
  explicit Image(Host host) : host_(host) {}
  Result<fcvm_image_identity> resolve(const fcvm_image_request&, const Call&) {
    return fail(ENOTSUP, "no");
  }
  Result<std::string> config(const fcvm_image_request&, std::string_view, const Call&) {
    return fail(ENOTSUP, "no");
  }
  Result<ImageDelivery> prepare(const fcvm_image_request&, std::string_view, const Call&) {
    return fail(ENOTSUP, "no");
  }
  Result<std::vector<std::string>> collect(int, const std::vector<std::string>&, const Call&) {
    return std::vector<std::string>();
  }

 protected:
  Host host_;
};

class Forgetful : public Image<Forgetful> {
 public:
  static constexpr Info kInfo{"image.forgetful", "1.0.0", "records, and never undoes"};
  using Image::Image;
};

class Tidy : public Image<Tidy> {
 public:
  static constexpr Info kInfo{"image.tidy", "1.0.0", "undoes what it recorded"};
  using Image::Image;
  Result<void> recover(const Call& call) {
    FCVM_TRY(call.check());
    for (const auto& [key, value] : FCVM_TRY(host_.remembered())) FCVM_TRY(host_.forget(key));
    return {};
  }
};

TEST_CASE("a plugin of any kind undoes what it recorded, and one that cannot keeps it") {
  Registry registry;
  must(registry.add_table(sdk::CommonTable<Tidy, Tidy::Verbs>::table()));
  must(registry.add_table(sdk::CommonTable<Forgetful, Forgetful::Verbs>::table()));
  Recorded state;
  const auto undone = [&](const std::string& id) {
    return recover(*must(registry.find(id)), Settings(), {.state = &state},
                   base::Deadline::in(std::chrono::seconds(10)));
  };
  const auto refused = undone("image.forgetful");
  CHECK(refused.error().code() == ENOTSUP);
  CHECK_THAT(refused.error().message(), Contains("image.forgetful"));
  CHECK_THAT(refused.error().remedy(), Contains("fcvm rm --abandon"));
  CHECK(state.entries.size() == 2);
  must(undone("image.tidy"));
  CHECK(state.entries.empty());
  must(undone("image.tidy"));
}

}  // namespace
}  // namespace fcvm::plugin
