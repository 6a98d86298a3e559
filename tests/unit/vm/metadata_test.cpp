// What a workload's metadata document says.
#include "core/vm/supervisor/metadata.hpp"

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

namespace fcvm::vm {
namespace {

TEST_CASE("the metadata document has the workload's name, id, labels and environment as texts") {
  wire::ContainerSpec container;
  container.name = "web";
  container.environment = {"A=b=c", "EMPTY=", "NAME-ONLY", "BYTES=\xff"};
  const std::map<std::string, std::string> labels = {{"tier", "\"front\""}, {"n", "1"}};
  const auto document = nlohmann::json::parse(
      metadata_document({"0123456789ab", "img", "host", labels, container, true}));
  CHECK(document["id"] == "0123456789ab");
  CHECK(document["name"] == "web");
  CHECK(document["image"] == "img");
  CHECK(document["hostname"] == "host");
  CHECK(document["labels"] == nlohmann::json({{"tier", "\"front\""}, {"n", "1"}}));
  CHECK(document["environment"] ==
        nlohmann::json({{"A", "b=c"}, {"EMPTY", ""}, {"BYTES", "\xef\xbf\xbd"}}));
}

TEST_CASE("the environment stays out of the metadata unless it is wanted there") {
  wire::ContainerSpec container;
  container.environment = {"TOKEN=secret"};
  const auto text = metadata_document({"id", "", "", {}, container});
  CHECK(text.find("secret") == std::string::npos);
  CHECK(text.find("TOKEN") == std::string::npos);
}

TEST_CASE("a workload without labels and environment has empty ones") {
  const auto document = nlohmann::json::parse(metadata_document({"id", "", "", {}, {}}));
  CHECK(document["labels"] == nlohmann::json::object());
  CHECK(document["environment"] == nlohmann::json::object());
}

}  // namespace
}  // namespace fcvm::vm
