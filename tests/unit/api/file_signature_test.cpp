#include "core/api/envd/file_signature.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::api::envd {
namespace {

http::Request request_of(const std::string& query) {
  http::Request request;
  request.query = must(http::parse_query(query));
  return request;
}

int check(const std::string& query, FileAccess access = FileAccess::kRead,
          const std::string& token = "secret") {
  const auto checked = check_signature(request_of(query), access, token, 1000);
  return checked ? 0 : checked.error().code();
}

TEST_CASE("signatures are those of the npm package e2b 2.51.0") {
  CHECK(signature_of({.path = "/home/user/a b", .access = FileAccess::kRead, .user = "user"},
                     "secret") == "v1_GBJwF64PEcfRmgyeRZXoGLi5wQhVlg/8mFyKqRsVxrA");
  CHECK(signature_of({.path = "", .access = FileAccess::kWrite}, "secret") ==
        "v1_JCyAJPTnXGsDlmQriXLwWd7jJjjtTfInABmuIz0+Piw");
  CHECK(signature_of({.path = "x", .access = FileAccess::kRead, .expiration = "1060"}, "secret") ==
        "v1_QFgj9AcfxEFbhYwYHDaJSU0cQq46wC4yTFKgBi4FLyQ");
}

TEST_CASE("a signature is good for its path, its access, its user and its time alone") {
  const std::string signature = "signature=v1_QFgj9AcfxEFbhYwYHDaJSU0cQq46wC4yTFKgBi4FLyQ";
  const std::string good = signature + "&path=x&signature_expiration=1060";
  CHECK(check(good) == 0);
  CHECK(check(good, FileAccess::kWrite) == EKEYREJECTED);
  CHECK(check(good, FileAccess::kRead, "other") == EKEYREJECTED);
  CHECK(check(good, FileAccess::kRead, "") == EKEYREJECTED);
  CHECK(check(good + "&username=root") == EKEYREJECTED);
  CHECK(check(signature + "&path=y&signature_expiration=1060") == EKEYREJECTED);
  CHECK(check(signature + "&path=x&signature_expiration=9999") == EKEYREJECTED);
  CHECK(check(signature + "&path=x") == EKEYREJECTED);
  CHECK(check("path=x") == EKEYREJECTED);
}

TEST_CASE("a signature expires, and one whose end is no number has expired") {
  const auto signed_until = [](const std::string& end) {
    const auto signature = signature_of({.path = "x", .expiration = end}, "secret");
    return check("path=x&signature_expiration=" + http::percent_encode(end) +
                 "&signature=" + http::percent_encode(signature));
  };
  CHECK(signed_until("1000") == 0);
  CHECK(signed_until("999") == EKEYREJECTED);
  CHECK(signed_until("soon") == EKEYREJECTED);
  CHECK(signed_until("2000x") == EKEYREJECTED);
  CHECK(signed_until("99999999999999999999") == EKEYREJECTED);
}

}  // namespace
}  // namespace fcvm::api::envd
