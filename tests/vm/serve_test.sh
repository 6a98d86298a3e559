# fcvm serve and the client that it is for, as npm has it: a sandbox from its making to its end, over
# restarts of the server, for whoever has a token and nobody else.
. "$(dirname "$0")/machine.sh"
. "$FCVM_SOURCE/tests/support/image.sh"

skip() {
  echo "skipped: ${0##*/}: $1"
  exit 77
}
command -v npm >/dev/null || skip "needs npm"
[ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ] || skip "needs node 20"
mkdir "$scratch/client"
cp "$FCVM_SOURCE/tests/vm/serve_client.mjs" "$scratch/client/"
(cd "$scratch/client" && npm install --no-audit --no-fund e2b@2.51.0) >"$scratch/npm.log" 2>&1 ||
  skip "npm cannot install e2b: $(tail -1 "$scratch/npm.log")"

tree=$scratch/tree
hello_tree "$tree"
with_programs "$tree" bash sleep cat head tr stty
mkdir -p "$tree/tmp"
# shellcheck disable=SC2012  # a guest that was made anew has left the one before
cp "$(ls -t "$FCVM_DATA_DIR"/guests/rootfs-*/busybox | head -n 1)" "$tree/bin/nc"
make_image "$scratch/image.tar" sandbox "$tree" PATH=/bin
cat >"$scratch/serve.toml" <<END
[serve]
templates = { base = "docker-archive:$scratch/image.tar" }
[profile.base]
cpus = 1
mem = "512M"
END
token() { printf 'sha256:%s %s\n' "$(printf %s "$1" | sha256sum | cut -c1-64)" "$2"; }
{ token alice-key "alice max_sandboxes=2"; token bob-key bob; } >"$scratch/tokens"
chmod 600 "$scratch/tokens"

port=0
serve() {
  rm -f "$scratch/where"
  "$FCVM" serve --config "$scratch/serve.toml" --listen "127.0.0.1:$port" \
    --token-file "$scratch/tokens" >"$scratch/where" 2>>"$scratch/serve.log" &
  server=$!
  wait_for 30 test -s "$scratch/where"
  E2B_API_URL=$(cat "$scratch/where")
  port=${E2B_API_URL##*:}
  export E2B_API_URL E2B_SANDBOX_URL=$E2B_API_URL
}
# client KEY STEP [ID]: in $out what it printed.
client() {
  out=$(cd "$scratch/client" && E2B_API_KEY=$1 timeout 300 node serve_client.mjs "${@:2}" 2>"$scratch/client.log") ||
    out="failed: $(tail -5 "$scratch/client.log")"
}
# told FILTER VALUE: what jq finds in it.
told() { check "${3:-$1 is $2}: $out" test "$(jq -r "$1" <<<"$out" 2>/dev/null)" = "$2"; }

serve
client alice-key create
id=$(jq -r .id <<<"$out")
check "a sandbox is made" test -n "$id"
client alice-key create
second=$(jq -r .id <<<"$out")
client alice-key create
check "and no more than its token may have: $out" grep -q "as many as it may" <<<"$out"

client alice-key kill "$second"
client alice-key commands "$id"
told .stdout $'hello world\n/bin' "a command has the sandbox's variables and its own, and its directory"
told .stderr problem "stderr comes apart"
told .exit 7 "an exit code comes"
told .missing 127 "also that of a program that is not there"
told .listed true "a command in the background is listed"
told .heard "got text" "and gets its stdin"
told .code 3 "and its exit code comes"
told .killed true "one can be killed"
told .killedAgain false "but not one that is not there"
told .again "once more" "one that was left can be connected to"
told .large 3000000 "large output comes whole"
client alice-key pty "$id"
told .size true "a terminal has the size that it was given last"

client alice-key list
told '.all | join(",")' "$id" "it is listed"
told '.found, .none' $'1\n0' "by its metadata"
client alice-key timeout "$id"
told .left 20 "its end is moved"
client bob-key refused "$id"
told .info SandboxNotFoundError "another token does not see it"
client no-key refused "$id"
told .list AuthenticationError "and no token sees nothing"
client alice-key port "$id"
told .status 502 "a port where nobody listens"
# A program that answers, and one that hopes for the next request of the connection.
answer='HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
"$FCVM" exec -d "sandbox-$id" sh -c "{ printf '$answer'; sleep 6; } | nc -l -p 3000 >/tmp/heard"
at_port() { curl -sS -m 30 -H "E2b-Sandbox-Id: $id" -H "E2b-Sandbox-Port: $1" "${@:2}"; }
# Nobody listens yet, or the program's answer.
ask_program() { at_port 3000 -d body "$E2B_API_URL/one" --next -sS -m 30 -H 'X-API-Key: alice-key' "$E2B_API_URL/v2/sandboxes" >"$scratch/answers" && grep -q '^hi' "$scratch/answers"; }
check "a program's port is reached" wait_for 60 ask_program
check "the next request of the connection is the server's" grep -q '"sandboxID"' "$scratch/answers"
run "$FCVM" exec "sandbox-$id" cat /tmp/heard
check "the program has its request" contains "$out" "POST /one HTTP/1.1"
check "with its body" contains "$out" body
check "and no other, nor a key" test "$(grep -c -e alice-key -e '^GET ' <<<"$out")" -eq 0
client bob-key unknown
check "an unknown template is named: $out" grep -q "there are: base" <<<"$out"

client alice-key snapshots "$id"
told '.names, .state, .there, .removed, .again' $'first\nfirst\nsecond\ntrue\nfalse' "a sandbox is made of another's snapshot"
client alice-key fork "$id"
told '.state, .left' $'forked\n0' "and by a fork, which leaves no snapshot"

# Every path that the client's own bundle has is one of ours, if only to say that it is not built.
bundle=$scratch/client/node_modules/e2b/dist/index.mjs
paths=$(grep -o 'api\.\(GET\|POST\|PUT\|PATCH\|DELETE\)("[^"]*"' "$bundle" | tr -d '(' | sed 's/^api\.//; s/"/ /g' | sort -u)
check "the bundle has paths" test "$(grep -c /sandboxes <<<"$paths")" -gt 10
while read -r method path; do
  case $path in /files | /health) continue ;; esac  # of the data plane
  run curl -s -X "$method" -H 'X-API-Key: bob-key' "$E2B_API_URL$(sed 's/{[^}]*}/x/g' <<<"$path")"
  check "$method $path is known" test -z "$(grep 'there is nothing at' <<<"$out")"
done <<<"$paths"

kill -KILL "$server"
wait "$server" 2>/dev/null
check "its VM outlives a server that was killed" running "sandbox-$id"
serve
client alice-key list
told '.all | join(",")' "$id" "the next server takes it up"

client alice-key pause "$id"
told '.paused, .again, .state, .running' $'true\nfalse\npaused\nfalse' "it is paused, once"
kill -TERM "$server"
check "a server that is asked to ends well" wait "$server"
serve
client alice-key resume "$id"
told .kept kept "it goes on where it was, by another server"
client alice-key kill "$id"
told '.before, .killed, .again, .after' $'true\ntrue\nfalse\nfalse' "it is ended"
check "its VM is gone" wait_for 30 nothing_left "sandbox-$id"
check "so is its file" test -z "$(ls "$FCVM_DATA_DIR/sandboxes")"
check "and its snapshot" test -z "$("$FCVM" snapshot ls --json | jq -r ".[] | select(.Tag == \"sandbox-$id\") | .Id")"
kill -TERM "$server"
wait "$server"

run "$FCVM" serve --no-auth --listen 0.0.0.0:0
check "without tokens it is for this machine alone" contains "$err" "lets all in"
finish
