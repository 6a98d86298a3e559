#include "core/cli/text/go_template.hpp"

#include "core/cli/text/json_template.hpp"
#include "tests/support/must.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

const Json& vm() {
  static const Json json = Json::parse(R"({
    "Name": "web",
    "State": {"Pid": 7, "Running": true, "Error": ""},
    "Config": {"Env": ["A=b", "C=d"], "Labels": {"a.b": "c", "x": "y"}, "Cmd": null},
    "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}}
  })");
  return json;
}

Result<std::string> rendered(std::string_view text) {
  const auto parsed = FCVM_TRY(GoTemplate::parse(text));
  return parsed.render([](const std::string& field) { return json_field(vm(), field); });
}

void check(std::string_view text, const std::string& expected) {
  INFO(text);
  CHECK(must(rendered(text)) == expected);
}

TEST_CASE("fields are printed as Go prints them") {
  check("{{.Name}}", "web");
  check("a {{ .State.Pid }}\\t{{.State.Running}}\\n", "a 7\ttrue\n");
  check("{{.state.pid}}", "7");
  check("{{.Config.Env}} {{.Config.Labels}}", "[A=b C=d] map[a.b:c x:y]");
  check("{{json .Config.Env}}", R"(["A=b","C=d"])");
  check("{{.Config.Env | json}}", R"(["A=b","C=d"])");
  check("{{json .}}", vm().dump());
}

TEST_CASE("functions") {
  check("{{len .Config.Env}} {{len .Name}} {{len .Config.Labels}}", "2 3 2");
  check(R"({{index .Config.Labels "a.b"}}{{index .Config.Labels "none"}})", "c");
  check(R"({{index .Config.Env 1}})", "C=d");
  check(R"({{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}})", "8080");
  check(R"({{join .Config.Env ", "}} {{upper .Name}} {{.Name | upper | lower}})",
        "A=b, C=d WEB web");
  check(R"({{index (split "a:b" ":") 1}})", "b");
  check(R"({{printf "%s has %d, %q %%" .Name .State.Pid "x"}})", R"(web has 7, "x" %)");
  check(R"({{print .Name 1}}{{println "x" 2}})", "web1x 2\n");
  check(R"({{eq .Name "db" "web"}} {{ne .State.Pid 7}} {{gt .State.Pid 6}} {{le 2 1}})",
        "true false true false");
  check(R"({{and .Name .State.Error}}|{{or .State.Error "none"}} {{not .State.Running}})",
        "|none false");
}

TEST_CASE("conditions, ranges and variables") {
  check("{{if .State.Running}}up{{else}}down{{end}}", "up");
  check("{{if .State.Error}}bad{{else if eq .State.Pid 7}}seven{{else}}none{{end}}", "seven");
  check("{{if .Config.Cmd}}x{{end}}", "");
  check("{{range .Config.Env}}<{{.}}>{{end}}", "<A=b><C=d>");
  check("{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{$.Name}} {{end}}", "0=A=b;web 1=C=d;web ");
  check("{{range $p, $c := .NetworkSettings.Ports}}{{$p}}->{{(index $c 0).HostPort}}{{end}}",
        "80/tcp->8080");
  check("{{range .Config.Cmd}}x{{else}}empty{{end}}", "empty");
  check("{{range $k, $v := .Config.Labels}}{{if eq $k \"x\"}}{{$v}}{{end}}{{end}}", "y");
  check("{{with .State}}{{.Pid}}{{end}}", "7");
  check("{{$n := .Name}}{{$n}}{{/* nothing */}}", "web");
  check("a \n{{- .Name -}}\n b", "awebb");
}

TEST_CASE("what is not understood is refused, and a field that is not there is told") {
  for (const char* bad :
       {"{{.Name", "{{if .Name}}", "{{end}}", "{{else}}", "{{nosuch .Name}}", "{{}}",
        "{{.Name .X}}", "{{range $a, $b, $c := .X}}{{end}}", "{{(.Name}}", "{{\"x}}",
        "{{.Name | }}", "{{end x}}", "{{if .Name}}{{else}}{{else}}{{end}}"}) {
    INFO(bad);
    const auto parsed = GoTemplate::parse(bad);
    if (parsed) CHECK_FALSE(parsed->render([](const auto&) { return Result<Json>(Json()); }));
  }
  CHECK(rendered("{{.Nmae}}").error().message().find("{{.Nmae}}") != std::string::npos);
  CHECK_FALSE(rendered("{{range .Name}}{{end}}"));
  CHECK_FALSE(rendered("{{$x}}"));
  CHECK_FALSE(rendered("{{index .Config.Env 2}}"));
  CHECK_FALSE(rendered("{{printf \"%d\"}}"));
}

}  // namespace
}  // namespace fcvm::cli
