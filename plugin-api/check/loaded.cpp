// Owns loading a plugin into the process of a case.
#include "plugin-api/check/loaded.hpp"

#include <cstring>
#include <dlfcn.h>

namespace fcvm::check {

Result<void*> load_object(const std::string& path) {
  void* const object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object != nullptr) return object;
  const char* const why = ::dlerror();
  return broken(std::string("dlopen: ") + (why == nullptr ? "failed" : why),
                "link every library it uses, and build it with fcvm_add_plugin(), whose -z defs "
                "finds this when it is linked");
}

Result<const fcvm_plugin*> entry_table(void* object) {
  auto* const entry = reinterpret_cast<fcvm_plugin_entry_fn>(::dlsym(object, FCVM_ENTRY_SYMBOL));
  if (entry == nullptr) return skip("there is no " FCVM_ENTRY_SYMBOL "; see `export`");
  const fcvm_plugin* const table = entry();
  if (table == nullptr) {
    return broken(FCVM_ENTRY_SYMBOL "() returned NULL", "return the address of a static table");
  }
  return table;
}

Result<Loaded> load(const Target& target) {
  Loaded plugin;
  plugin.object = FCVM_TRY(load_object(target.path));
  plugin.table =
      std::make_shared<const fcvm_plugin>(sized_copy(FCVM_TRY(entry_table(plugin.object))));
  plugin.descriptor = sized<fcvm_descriptor>();
  auto error = sized<fcvm_error>();
  const auto code = plugin.table->describe(&plugin.descriptor, &error);
  if (code != 0) return broken("describe failed: " + told(code, error), "describe needs nothing");
  plugin.options = sized_elements(plugin.descriptor.options, plugin.descriptor.option_count);
  plugin.guessed = FCVM_TRY(guess_settings(plugin.options, target.settings));
  return plugin;
}

fcvm_error dirty_error() {
  auto error = sized<fcvm_error>();
  std::memset(error.message, 'x', sizeof error.message);
  std::memset(error.remedy, 'x', sizeof error.remedy);
  return error;
}

std::string told(std::int32_t code, const fcvm_error& error) {
  return std::to_string(code) + " (" + std::strerror(code < 0 ? -code : code) +
         "): " + std::string(text_of(error.message));
}

Result<Instance> create(const Loaded& plugin, const fcvm_host* host, std::size_t tail,
                        Blame blame) {
  auto settings = plugin.settings(tail);
  auto error = sized<fcvm_error>();
  void* raw = nullptr;
  const auto code = plugin.table->create(host, settings.get(), &raw, &error);
  if (code != 0 && blame == Blame::kGuesses && !plugin.guessed.guesses.empty()) {
    return skip(
        "create refused a made-up value for " + plugin.guessed.guesses + ": " + told(code, error),
        "give values that fit with --set NAME=VALUE");
  }
  if (code != 0) {
    return broken("create failed: " + told(code, error),
                  "create must work wherever the settings are right");
  }
  if (raw == nullptr) {
    return broken("create said that it succeeded, but gave no instance",
                  "set *instance, or return a negative errno");
  }
  return Instance(plugin.table, raw);
}

}  // namespace fcvm::check
