# Files of a sandbox by the client that fcvm serve is for, as npm has it: in, out, large ones, names,
# events, signed URLs, and nothing but the container's own.
. "$(dirname "$0")/machine.sh"
. "$FCVM_SOURCE/tests/support/image.sh"

skip() {
  echo "skipped: ${0##*/}: $1"
  exit 77
}
command -v npm >/dev/null || skip "needs npm"
[ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ] || skip "needs node 20"
mkdir "$scratch/client"
cp "$FCVM_SOURCE/tests/vm/serve_files_client.mjs" "$scratch/client/"
(cd "$scratch/client" && npm install --no-audit --no-fund e2b@2.51.0) >"$scratch/npm.log" 2>&1 ||
  skip "npm cannot install e2b: $(tail -1 "$scratch/npm.log")"

tree=$scratch/tree
hello_tree "$tree"
with_programs "$tree" bash sleep cat ln rm
mkdir -p "$tree/tmp" "$tree/etc" "$tree/root"
echo 'root:x:0:0::/root:/bin/bash' >"$tree/etc/passwd"
make_image "$scratch/image.tar" sandbox "$tree" PATH=/bin
cat >"$scratch/serve.toml" <<END
[serve]
templates = { base = "docker-archive:$scratch/image.tar" }
[profile.base]
cpus = 1
mem = "512M"
END
printf 'sha256:%s alice\n' "$(printf key | sha256sum | cut -c1-64)" >"$scratch/tokens"
chmod 600 "$scratch/tokens"

"$FCVM" serve --config "$scratch/serve.toml" --listen 127.0.0.1:0 --token-file "$scratch/tokens" \
  >"$scratch/where" 2>"$scratch/serve.log" &
server=$!
wait_for 30 test -s "$scratch/where"
E2B_API_URL=$(cat "$scratch/where")
export E2B_API_URL E2B_SANDBOX_URL=$E2B_API_URL E2B_API_KEY=key
(cd "$scratch/client" && run timeout 600 node serve_files_client.mjs; echo "$out" >out; echo "$err" >err)
out=$(cat "$scratch/client/out") err=$(tail -20 "$scratch/client/err")
# told FILTER VALUE [WHAT]: what jq finds in it.
told() { check "${3:-$1 is $2}" test "$(jq -rc "$1" <<<"$out" 2>/dev/null)" = "$2"; }

told .path /tmp/a/text "a file is written, with its directories"
told .text "some text" "it reads as it was written"
told .inside "some text" "also in the container"
told .replaced new "it is replaced"
told .empty "" "one may be empty"
told .several '["/tmp/several/1","/tmp/several/2"]' "several go in at once"
told .bytes '[0,255,10]' "bytes are bytes"
told .mounted "127.0.0.1 localhost" "a file that podman has mounted there is written, too"
told .large true "20 MB go in and out as they are"
told .streamed true "also as a stream"
told .packed 70000 "also by gzip"
told .exists true
told .missing false
told .notFound FileNotFoundError "what is not there is not found"
told .noUser AuthenticationError "nor is a user who is not there let in"
told .directory InvalidArgumentError "a directory is no file"
told .info "file 3 -rw-r--r-- root true" "a file has its size, mode, owner and time"
told '.made, .madeAgain' $'true\nfalse' "a directory is made once"
told .renamed /tmp/b/moved "a file is moved"
told .list '["c true","moved false"]' "a directory is listed"
told .removed false "and removed, with all that is in it"
told .climbing FileNotFoundError "a path does not leave the container"
told .link FileNotFoundError "nor does a link of its own"
told '.events | contains(["create", "remove", "write"])' true "what happens in a tree is told"
told .signed true "a signed URL needs no token"
told .forged 401 "and is for its own file alone"
told .uploaded "by url" "one takes a form, too"
kill -TERM "$server"
check "the server ends well" wait "$server"
check "nothing is left" nothing_left
finish
