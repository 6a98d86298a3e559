# What messages tell a user to type exists: every `fcvm VERB` and every option that the code names.
. "$(dirname "$0")/../support/assert.sh"
export FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run"
cd "$FCVM_SOURCE"

# Each verb's own words, "port add" as well as "port", and all options of all of them.
run "$FCVM" --help
verbs=$({ sed -n '/^Verbs:/,/^$/p' <<<"$out"; printf '  pages\n  complete\n  podman\n'; } | grep -E '^  [a-z]' | sed -E 's/^  //; s/  .*//' | tr ',' '\n' | sed 's/^ *//')
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

# Options of fcvm itself. Those of other programs are in plugins, core/setup and map_server.cpp, but
# for podman's --latest in the guest, and for what podman alone has: of that what is to be used instead counts.
named=$({
  literals --exclude=not_yet.cpp --exclude=map_server.cpp core/cli core/plan core/vm core/config
  sed -E 's/^ *\{("[^"]*", \{)?"[^"]*",//' core/cli/not_yet.cpp | grep -oE '"(\\.|[^"\\])*"'
} | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u)
check "some options are named" test "$(wc -l <<<"$named")" -gt 20
unknown=$(grep -vxF -e --help -e --version -e --latest -f <(printf '%s\n' "$options") <<<"$named")
check "every option that a message names exists: ${unknown:-all do}" test -z "$unknown"

# What is typed in the place of a mistake is there: the command that a remedy begins with, or ends with.
mistake() { run timeout 20 "$FCVM" "$@" </dev/null; }
good_remedy() {
  local verb
  check "fcvm $1 is an error" test "$rc" -eq 125
  check "fcvm $1 has a remedy" contains "$err" "to fix:"
  for verb in $(sed -n 's/^  to fix: //p' <<<"$err" | grep -oE '\bfcvm [a-z][a-z-]*' | sed 's/fcvm //'); do
    check "fcvm $1: fcvm $verb exists" grep -qxE -e "$verb( .*)?" <<<"$verbs"
  done
}
while read -r words; do
  # shellcheck disable=SC2086
  mistake $words
  good_remedy "$words"
done <<'MISTAKES'
-c
frob
help frob
run
run -y image
run --profile nosuch image
run --hostname a+b image
run --detach-keys ctrl-, image
run --publish 80:x image
run --memory 4 image
run --log-opt colour=red image
run --restart always image
exec
exec web
exec -l true
attach
ls --filter colour=red
ls --volume
stop
stop nosuch
stop --latest
kill nosuch
kill -s NOPE web
pause nosuch
unpause nosuch
rm
rm -v web
rm -t 3 web
logs
logs nosuch
logs --tail x web
inspect
inspect nosuch
inspect -s web
top nosuch
stats nosuch
wait nosuch
port
port nosuch
port add web
cp a b
setup nosuch
plugin inspect nosuch
plugin frob
config frob
events --since soon
events --filter colour=red
machine start
kube play x
container start web
podman pod ps
completion tcsh
MISTAKES
mkdir -p "$FCVM_CONFIG_ROOT/etc/fcvm"
printf '[profile.big]\ncpus = 8\n[profile.small]\ncpus = 1\n' >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"
mistake run --profile nosuch image
check "a profile that is not there: those that are" contains "$err" "to fix: take one of those there are: big, small"
mistake run --memory 100T image
check "too much memory: what there is" contains "$err" "MiB"
finish
