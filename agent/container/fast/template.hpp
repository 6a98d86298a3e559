// Template: what podman made of the image in the builder VM, as image.overlay recorded it in the
// store; see README.md. Plain values, with the ids of this VM in place of the recorded ones.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <fcvm/result.hpp>

#include "agent/container/fast/sqlite_file.hpp"

namespace fcvm::agent::fast {

using Json = nlohmann::json;

struct Template {
  std::string directory;    // fcvm-start, in the store
  std::string recorded_id;  // the container's, wherever it occurs in what is recorded
  std::string id;           // what it becomes
  std::string layer;        // the container's own one
  std::string database;     // podman's, as it was recorded
  Json config;              // podman's of the container, in its database
  Json state;               // likewise
  Json oci;                 // crun's config.json
  std::vector<std::string> conmon;
  Json containers;  // of the storage library, as are the layers
  Json layers;
};

/// Fails when the recorded programs or their configuration are not those of this guest, or anything
/// is not as expected.
Result<Template> read_template(const std::string& store);

/// The database with the container as it is now; its state is running.
Result<std::string> database_of(const Template& container);

/// Exceptions of nlohmann's as errors: something is not there, of another kind, or not in UTF-8.
template <typename Function>
auto guarded(Function function) -> decltype(function()) {
  try {
    return function();
  } catch (const Json::exception& error) {
    return fail(EBADMSG, std::string("podman's JSON: ") + error.what());
  }
}

/// Each time that it occurs.
std::string with_words(std::string text, const std::string& from, const std::string& to);

}  // namespace fcvm::agent::fast
