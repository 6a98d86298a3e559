#include "core/cli/verbs/verbs.hpp"

namespace fcvm::cli {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      run_verb(),
      exec_verb(),
      cp_verb(),
      attach_verb(),
      ls_verb(),
      inspect_verb(),
      logs_verb(),
      events_verb(),
      stats_verb(),
      top_verb(),
      port_verb(),
      port_add_verb(),
      port_rm_verb(),
      port_forward_verb(),
      stop_verb(),
      kill_verb(),
      pause_verb(),
      unpause_verb(),
      wait_verb(),
      healthcheck_run_verb(),
      rm_verb(),
      gc_verb(),
      image_ls_verb(),
      image_pull_verb(),
      image_prepare_verb(),
      image_inspect_verb(),
      image_history_verb(),
      image_exists_verb(),
      image_tag_verb(),
      image_untag_verb(),
      image_rm_verb(),
      image_prune_verb(),
      image_load_verb(),
      image_save_verb(),
      login_verb(),
      logout_verb(),
      setup_verb(),
      doctor_verb(),
      info_verb(),
      system_df_verb(),
      config_show_verb(),
      config_check_verb(),
      config_sample_verb(),
      plugin_ls_verb(),
      plugin_inspect_verb(),
      plugin_check_verb(),
      completion_verb(),
      complete_verb(),
      pages_verb(),
  };
  return all;
}

const std::vector<config::Option>& global_options() {
  static const std::vector<config::Option> all = {
      {.name = "config", .help = "read this TOML file above all others"},
      {.name = "profile", .help = "use the options of [profile.NAME]"},
      {.name = "set",
       .type = config::Type::kList,
       .help = "set a plugin's option: vmm.qemu.accel=tcg; fcvm plugin inspect lists them"},
      {.name = "log-level",
       .help = "how much to log on stderr",
       .choices = {"trace", "debug", "info", "warn", "error", "off"}},
      {.name = "log-format", .help = "log for people or for machines", .choices = {"text", "json"}},
      {.name = "help", .type = config::Type::kBoolean, .help = "show this help", .letter = 'h'},
  };
  return all;
}

}  // namespace fcvm::cli
