// A plugin's settings from NAME=VALUE words, typed by its own option table.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <fcvm/abi.h>
#include <fcvm/sdk/sized.hpp>

namespace driver {

class Settings {
 public:
  using Words = std::vector<std::pair<std::string, std::string>>;

  /// The words are borrowed.
  Settings(const fcvm_plugin& plugin, const Words& words) {
    auto descriptor = fcvm::sized<fcvm_descriptor>();
    plugin.describe(&descriptor, nullptr);
    for (const auto& [name, value] : words) add(type_of(descriptor, name), name, value);
    for (auto& [name, items] : lists_) add_list(name, items);
    all_.items = pointers_.data();
    all_.count = static_cast<std::uint32_t>(pointers_.size());
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;
  [[nodiscard]] const fcvm_settings* get() const { return &all_; }

 private:
  static std::uint32_t type_of(const fcvm_descriptor& descriptor, const std::string& name) {
    for (const auto& option : fcvm::sized_elements(descriptor.options, descriptor.option_count)) {
      if (option.name == name) return option.type;
    }
    std::fprintf(stderr, "vmm_driver: the plugin has no option %s\n", name.c_str());
    std::exit(2);
  }
  fcvm_setting& row(std::uint32_t type, const std::string& name) {
    fcvm_setting& made = rows_.emplace_back(fcvm::sized<fcvm_setting>());
    made.name = name.c_str();
    made.type = type;
    pointers_.push_back(&made);
    return made;
  }
  void add(std::uint32_t type, const std::string& name, const std::string& value) {
    if (type == FCVM_OPTION_LIST) {
      if (lists_.empty() || lists_.back().first != name) lists_.push_back({name, {}});
      lists_.back().second.push_back(value.c_str());
      return;
    }
    fcvm_setting& made = row(type, name);
    made.text = value.c_str();
    if (type == FCVM_OPTION_BOOLEAN) made.number = value == "true" ? 1 : 0;
    if (type == FCVM_OPTION_INTEGER || type == FCVM_OPTION_SIZE) {
      made.number = std::strtoll(value.c_str(), nullptr, 10);
    }
    if (type == FCVM_OPTION_DURATION) {
      made.number = std::strtoll(value.c_str(), nullptr, 10) * 1'000'000'000;
    }
  }
  void add_list(const std::string& name, const std::vector<const char*>& items) {
    fcvm_setting& made = row(FCVM_OPTION_LIST, name);
    made.items = items.data();
    made.item_count = static_cast<std::uint32_t>(items.size());
  }

  std::deque<fcvm_setting> rows_;
  std::deque<std::pair<std::string, std::vector<const char*>>> lists_;
  std::vector<const fcvm_setting*> pointers_;
  fcvm_settings all_ = fcvm::sized<fcvm_settings>();
};

}  // namespace driver
