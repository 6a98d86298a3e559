// Templates: what sandboxes are made from, by name. Owns what [serve] templates says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::api {

struct Template {
  std::string name;
  std::string image;
  std::vector<std::string> command{};  // empty: it idles
  std::string profile{};               // whose options it is run with; empty: the server's own

  /// The words behind `fcvm run` that make a sandbox of it: "--profile", "base", ... IMAGE COMMAND.
  /// `options` stand before the image.
  [[nodiscard]] std::vector<std::string> run_words(const std::vector<std::string>& options) const;
};

class Templates {
 public:
  /// Of the option `templates`: NAME=IMAGE [COMMAND...]. A template that has the name of one of
  /// `profiles` is run with its options. With `any_image`, names that are none are images.
  [[nodiscard]] static Result<Templates> make(const std::map<std::string, std::string>& said,
                                              const std::vector<std::string>& profiles,
                                              bool any_image);

  /// ENOENT names those that there are.
  [[nodiscard]] Result<Template> find(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, Template>& all() const { return templates_; }

 private:
  std::map<std::string, Template> templates_;
  bool any_image_ = false;
};

/// Whether a client may name it as an image: one in a registry, and no option, no file of the
/// server's and no other transport.
[[nodiscard]] bool is_registry_image(std::string_view text);

}  // namespace fcvm::api
