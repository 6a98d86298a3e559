# What messages tell a user to type exists: every `fcvm VERB` and every option that the code names.
. "$(dirname "$0")/../support/assert.sh"
cd "$FCVM_SOURCE"

# Each verb's own words, "port add" as well as "port", and all options of all of them.
run "$FCVM" --help
verbs=$(sed -n '/^Verbs:/,/^$/p' <<<"$out" | grep -E '^  [a-z]' | sed -E 's/^  //; s/  .*//' | tr ',' '\n' | sed 's/^ *//')
check "there are verbs to compare with" test "$(wc -l <<<"$verbs")" -gt 25
options=$({
  "$FCVM" --help
  while read -r verb; do
    # shellcheck disable=SC2086
    "$FCVM" $verb --help
  done <<<"$verbs"
} | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u)

literals() {
  grep -rhoE --include='*.cpp' --include='*.hpp' '"(\\.|[^"\\])*"' "$@"
}

# "fcvm rm web", "...: fcvm gc", "`fcvm ls` shows": a command, not a sentence about fcvm.
named=$(literals core plugins agent fusepipe | grep -oE '(^"|`|: )fcvm [a-z][a-z-]*' | sed -E 's/^.*fcvm //' | sort -u)
prose='^(does|has|knows|runs|needs|is|keeps|qemu)$'
unknown=$(grep -vE "$prose" <<<"$named" | grep -vxF -f <(sed 's/ .*//' <<<"$verbs"))
check "every verb that a message names exists: ${unknown:-all do}" test -z "$unknown"
check "some are named" test "$(wc -l <<<"$named")" -gt 15

# Options of fcvm itself. Those of foreign programs are in plugins and core/setup, but for podman's
# --latest in the guest, and for what podman alone has: of that what is to be used instead counts.
named=$({
  literals --exclude=not_yet.cpp core/cli core/plan core/vm core/config
  sed -nE 's/^ *\{"[^"]*", (.*)\},$/\1/p' core/cli/not_yet.cpp
} | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u)
check "some options are named" test "$(wc -l <<<"$named")" -gt 20
unknown=$(grep -vxF -e --help -e --version -e --latest -f <(printf '%s\n' "$options") <<<"$named")
check "every option that a message names exists: ${unknown:-all do}" test -z "$unknown"
finish
