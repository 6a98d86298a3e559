// Plugins run in this process, so one that crashes, exits or never returns takes it along. What is
// here names the plugin and the verb.
#pragma once

#include <list>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::plugin {

/// The calling thread is in a verb of a plugin, for as long as this lives.
class VerbScope {
 public:
  /// Both texts have to outlive it.
  VerbScope(const std::string& plugin_id, std::string_view verb);
  VerbScope(const VerbScope&) = delete;
  VerbScope& operator=(const VerbScope&) = delete;
  ~VerbScope();

  [[nodiscard]] const std::string& plugin_id() const { return plugin_id_; }
  [[nodiscard]] std::string_view verb() const { return verb_; }

 private:
  const std::string& plugin_id_;
  const std::string_view verb_;
  VerbScope* const outer_;
  std::list<VerbScope*>::iterator place_;
};

/// "attach of net.tap, recover of net.other": of all threads.
[[nodiscard]] std::string verbs_under_way();

/// From now on a signal that ends this process, and exit(), are reported on standard error when
/// they come while a plugin's verb runs, and the process ends with `exit_code`.
void blame_plugins(int exit_code);

/// Handlers of exit() run in the reverse order, so after a plugin was loaded, whose own destructors
/// would run first, this one has to be registered anew.
void blame_exits();

/// Where the report goes besides: 'f', the message, a NUL and the remedy. -1 for nowhere.
void set_last_words(int fd);
/// Sends it another report in the same form.
void say_last_words(const Error& error);

}  // namespace fcvm::plugin
