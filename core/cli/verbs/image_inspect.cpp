// fcvm image inspect, history: what images say of themselves.
#include <fmt/core.h>

#include "core/cli/image_catalog.hpp"
#include "core/cli/text/json_template.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/image_json.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

constexpr std::size_t kLongestStep = 60;

Result<int> inspect(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  const auto images = FCVM_TRY(catalog->all());
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& word : invocation.positionals()) {
    const image::Image* image = FCVM_TRY(image::find_image(images, word));
    list.push_back(image_details(*image));
  }
  FCVM_TRY(print_objects(list, invocation.value("format"),
                         "fcvm image inspect IMAGE without --format shows all fields"));
  return 0;
}

Result<int> exists(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  const auto images = FCVM_TRY(catalog->all());
  return image::find_image(images, invocation.positionals().front()) ? 0 : 1;
}

std::string cut(std::string text) {
  if (text.size() <= kLongestStep) return text;
  return text.substr(0, kLongestStep - 3) + "...";
}

Result<int> history(Invocation& invocation) {
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  const auto images = FCVM_TRY(catalog->all());
  const image::Image* image = FCVM_TRY(image::find_image(images, invocation.positionals().front()));
  const auto steps = image_history(*image);
  const std::string format = invocation.flag("json") ? "json" : invocation.value("format");
  if (!format.empty()) {
    FCVM_TRY(print_objects(steps, format, "fcvm history --json IMAGE shows all fields"));
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& step : steps) {
    const auto created = vm::parse_rfc3339(step["created"].get<std::string>());
    const auto made_by = printable(step["CreatedBy"].get<std::string>());
    rows.push_back({created ? ago(*created, vm::now_ns()) : "",
                    invocation.flag("no-trunc") ? made_by : cut(made_by),
                    step["EmptyLayer"].get<bool>() ? "" : "layer",
                    printable(step["comment"].get<std::string>())});
  }
  fmt::print("{}", text_table({"CREATED", "CREATED BY", "LAYER", "COMMENT"}, rows));
  return 0;
}

}  // namespace

Verb image_inspect_verb() {
  return {
      .name = "image inspect",
      .arguments = "[--format TEMPLATE] IMAGE...",
      .summary = "Show all that is known of images, as JSON",
      .details =
          "The keys are podman's. Fcvm has what only fcvm knows. --format prints single fields by\n"
          "a Go template.\n"
          "\n"
          "Example:\n"
          "  fcvm image inspect --format '{{json .Config.Env}}' alpine\n",
      .options = {{.name = "json", .type = config::Type::kBoolean, .help = "print JSON, as ever"},
                  {.name = "format", .help = "print by this Go template", .letter = 'f'}},
      .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kStoredImages},
      .run = inspect};
}

Verb image_exists_verb() {
  return {.name = "image exists",
          .arguments = "IMAGE",
          .summary = "Exit with 0 if the image is stored here, else with 1",
          .positionals = {.min = 1, .max = 1, .names = Names::kStoredImages},
          .run = exists};
}

Verb image_history_verb() {
  using config::Type;
  return {.name = "image history",
          .aliases = {"history", "podman history"},
          .arguments = "[--json | --format TEMPLATE] IMAGE",
          .summary = "Show how an image was made, as it says",
          .options = {{.name = "json", .type = Type::kBoolean, .help = "print JSON"},
                      {.name = "format", .help = "print by this Go template, a line for each step"},
                      {.name = "no-trunc", .type = Type::kBoolean, .help = "do not cut commands"}},
          .positionals = {.min = 1, .max = 1, .names = Names::kStoredImages},
          .run = history};
}

}  // namespace fcvm::cli
