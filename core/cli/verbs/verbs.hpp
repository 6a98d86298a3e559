// One function per verb file; verbs.cpp puts them in order.
#pragma once

#include "core/cli/verb.hpp"

namespace fcvm::cli {

[[nodiscard]] Verb run_verb();
[[nodiscard]] Verb prepare_verb();
[[nodiscard]] Verb create_verb();
[[nodiscard]] Verb start_verb();
[[nodiscard]] Verb restart_verb();
[[nodiscard]] Verb exec_verb();
[[nodiscard]] Verb cp_verb();
[[nodiscard]] Verb attach_verb();
[[nodiscard]] Verb ls_verb();
[[nodiscard]] Verb inspect_verb();
[[nodiscard]] Verb logs_verb();
[[nodiscard]] Verb events_verb();
[[nodiscard]] Verb stats_verb();
[[nodiscard]] Verb top_verb();
[[nodiscard]] Verb port_verb();
[[nodiscard]] Verb port_add_verb();
[[nodiscard]] Verb port_rm_verb();
[[nodiscard]] Verb port_forward_verb();
[[nodiscard]] Verb stop_verb();
[[nodiscard]] Verb kill_verb();
[[nodiscard]] Verb balloon_verb();
[[nodiscard]] Verb pause_verb();
[[nodiscard]] Verb unpause_verb();
[[nodiscard]] Verb wait_verb();
[[nodiscard]] Verb rename_verb();
[[nodiscard]] Verb rm_verb();
[[nodiscard]] Verb commit_verb();
[[nodiscard]] Verb diff_verb();
[[nodiscard]] Verb export_verb();
[[nodiscard]] Verb gc_verb();
[[nodiscard]] Verb snapshot_create_verb();
[[nodiscard]] Verb snapshot_run_verb();
[[nodiscard]] Verb fork_verb();
[[nodiscard]] Verb snapshot_ls_verb();
[[nodiscard]] Verb snapshot_inspect_verb();
[[nodiscard]] Verb snapshot_rm_verb();
[[nodiscard]] Verb snapshot_prune_verb();
[[nodiscard]] Verb snapshot_verify_verb();
[[nodiscard]] Verb snapshot_export_verb();
[[nodiscard]] Verb snapshot_import_verb();
[[nodiscard]] Verb healthcheck_run_verb();
[[nodiscard]] Verb image_ls_verb();
[[nodiscard]] Verb image_pull_verb();
[[nodiscard]] Verb image_prepare_verb();
[[nodiscard]] Verb image_inspect_verb();
[[nodiscard]] Verb image_history_verb();
[[nodiscard]] Verb image_exists_verb();
[[nodiscard]] Verb image_tag_verb();
[[nodiscard]] Verb image_untag_verb();
[[nodiscard]] Verb image_rm_verb();
[[nodiscard]] Verb image_prune_verb();
[[nodiscard]] Verb image_load_verb();
[[nodiscard]] Verb image_save_verb();
[[nodiscard]] Verb login_verb();
[[nodiscard]] Verb logout_verb();
[[nodiscard]] Verb serve_verb();
[[nodiscard]] Verb setup_verb();
[[nodiscard]] Verb doctor_verb();
[[nodiscard]] Verb info_verb();
[[nodiscard]] Verb system_df_verb();
[[nodiscard]] Verb config_show_verb();
[[nodiscard]] Verb config_check_verb();
[[nodiscard]] Verb config_sample_verb();
[[nodiscard]] Verb plugin_ls_verb();
[[nodiscard]] Verb plugin_inspect_verb();
[[nodiscard]] Verb plugin_check_verb();
[[nodiscard]] Verb completion_verb();
[[nodiscard]] Verb complete_verb();
[[nodiscard]] Verb pages_verb();

}  // namespace fcvm::cli
