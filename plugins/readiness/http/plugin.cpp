// readiness.http: ready once a server in the guest answers a request as it should.
#include <algorithm>
#include <cerrno>
#include <optional>

#include <fcvm/readiness.hpp>

#include "plugins/readiness/common/attempts.hpp"
#include "plugins/readiness/common/guest_stream.hpp"
#include "plugins/readiness/common/regex.hpp"
#include "plugins/readiness/http/response.hpp"
#include "plugins/readiness/http/status_set.hpp"
#include "plugins/readiness/http/url.hpp"

namespace fcvm::readiness {
namespace {

using namespace std::chrono_literals;

struct HttpOptions {
  std::string url;
  std::string status = "200-399";
  std::vector<std::string> header;
  std::string body;
  std::chrono::nanoseconds interval = 50ms;
  std::chrono::nanoseconds timeout = 5s;

  static auto table() {
    return options(
        option("url", &HttpOptions::url,
               "What is asked of the guest, http://HOST[:PORT]/PATH: HOST is only named to it")
            .required(),
        option("status", &HttpOptions::status, "Statuses that pass: 200, 2xx, 200-399"),
        option("header", &HttpOptions::header, "NAME: VALUE of the request"),
        option("body", &HttpOptions::body,
               "Regular expression that the answer's body has to match, in any part of it"),
        option("interval", &HttpOptions::interval, "Time between two attempts"),
        option("timeout", &HttpOptions::timeout, "Longest time that an attempt may take"));
  }
};

std::string lower_name(const std::string& header) {
  std::string name = header.substr(0, header.find(':'));
  for (char& one : name) one = one >= 'A' && one <= 'Z' ? static_cast<char>(one + 32) : one;
  return name;
}

Result<std::string> make_request(const Url& url, const std::vector<std::string>& headers) {
  bool names_host = false;
  std::string own;
  for (const auto& header : headers) {
    const auto colon = header.find(':');
    const bool one_line = header.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
    if (colon == std::string::npos || colon == 0 || !one_line) {
      return fail(EINVAL, "header: it is no NAME: VALUE", "header=Accept: text/plain");
    }
    names_host = names_host || lower_name(header) == "host";
    own += header + "\r\n";
  }
  return "GET " + url.target + " HTTP/1.1\r\n" +
         (names_host ? "" : "Host: " + url.authority + "\r\n") +
         "User-Agent: fcvm/" FCVM_VERSION "\r\nAccept: */*\r\nConnection: close\r\n" + own + "\r\n";
}

/// What a wait needs of the options.
struct Question {
  Url url;
  std::string request;
  StatusSet passes;
  std::optional<Regex> body;
};

class HttpGate : public ReadinessPlugin {
 public:
  using Options = HttpOptions;
  static constexpr Info kInfo{"readiness.http", FCVM_VERSION,
                              "ready once an HTTP server in the guest answers as it should"};

  HttpGate(Host host, Options options) : host_(host), options_(std::move(options)) {}

  Result<void> wait(const fcvm_ready_target& /*target*/, const Call& call) {
    FCVM_TRY(check_pace(options_.interval, options_.timeout));
    const Question question = FCVM_TRY(this->question());
    return attempt_until_passed(call, options_.interval,
                                options_.url + " has to answer with status " + options_.status,
                                [&] { return attempt(question, call); });
  }

 private:
  [[nodiscard]] Result<Question> question() const {
    Question made;
    made.url = FCVM_TRY(parse_url(options_.url));
    made.request = FCVM_TRY(make_request(made.url, options_.header));
    made.passes = FCVM_TRY(StatusSet::parse(options_.status));
    if (!options_.body.empty()) {
      made.body = FCVM_TRY(Regex::compile(options_.body) | context("body"));
    }
    return made;
  }

  [[nodiscard]] Result<Seen> attempt(const Question& question, const Call& call) const {
    auto stream = FCVM_TRY(GuestStream::to_tcp(host_, question.url.port, call, options_.timeout));
    FCVM_TRY(stream.send(question.request));
    std::optional<RegexSearch> search;
    if (question.body) search.emplace(*question.body);
    Response response([&](std::string_view bytes) {
      if (search) search->feed(bytes);
    });
    // Without a pattern the status alone counts, whatever body would follow.
    const auto knows_enough = [&] {
      return response.status() && (!search || response.complete() || search->matched());
    };
    while (!knows_enough()) {
      const std::string bytes = FCVM_TRY(stream.receive());
      FCVM_TRY(bytes.empty() ? response.finish() : response.feed(bytes));
    }
    const std::string status = "HTTP " + std::to_string(*response.status());
    if (!question.passes.has(*response.status())) return Seen(status);
    if (search && !search->finish()) return Seen(status + ", but the body did not match");
    return Seen();
  }

  Host host_;
  Options options_;
};

}  // namespace

FCVM_EXPORT_PLUGIN(HttpGate);

}  // namespace fcvm::readiness
