# The table of parity_test.sh. Sourced, with these words defined by it:
#
#   same WHAT STDIN [OPTION...] -- COMMAND...      stdout, stderr and exit code are equal, byte by byte
#   fails WHAT STDIN [OPTION...] -- COMMAND...     neither runs it: equal codes, a message on stderr
#   differs WHY WHAT STDIN [OPTION...] -- COMMAND...   and that is meant so: must differ, for the reason
#
# STDIN is a file's name, or `closed`. The current directory has the files empty, text, binary, big
# and env; NAME=from host is in the environment.

# --- words ---
same "a word" empty -- echo word
same "no words" empty -- echo
same "an empty word" empty -- printf '[%s]' a '' b
same "empty words alone" empty -- printf '[%s]' '' ''
same "blanks" empty -- printf '[%s]' 'a b' ' ' $'\t'
same "quotes" empty -- printf '[%s]' "it's" '"double"' "'"
same "backslashes" empty -- printf '[%s]' 'a\b' '\\' '\n'
same "what a shell would expand" empty -- printf '[%s]' '$HOME' '`id`' '*' '~' '${X}' '$(id)' '!' '#'
same "a newline in a word" empty -- printf '[%s]' $'one\ntwo\n'
same "control characters" empty -- printf '[%s]' $'\001\002\033[0m\177'
same "UTF-8" empty -- printf '[%s]' 'grüße' '日本語' '🚀'
same "words that look like options" empty -- printf '[%s]' -- -i --tty -e
same "dashes among words" empty -- echo a -- b
same "equals signs" empty -- printf '[%s]' = a= =b a==b
same "a thousand words" empty -- sh -c 'echo $# $1 ${1000}' sh $(seq 1000)
same "a word of 100 KB" empty -- sh -c 'printf %s "$1" | sha256sum' sh "$(head -c 100000 big | tr '\0' x)"
differs "podman passes words on as JSON, which has no such bytes" \
  "bytes that are no UTF-8" empty -- printf '[%s]' $'\377\376'

# --- environment ---
same "a variable" empty -e A=1 -- sh -c 'echo "$A"'
same "its blanks and quotes" empty -e "A=it's \"so\" " -- sh -c 'echo "[$A]"'
same "its equals signs" empty -e A=b=c= -- sh -c 'echo "[$A]"'
same "an empty one" empty -e A= -- sh -c 'echo "[${A-unset}]"'
same "the host's" empty -e NAME -- sh -c 'echo "[${NAME-unset}]"'
same "one that the host has not" empty -e NOT_THERE -- sh -c 'echo "[${NOT_THERE-unset}]"'
same "over the container's" empty -e FROM_RUN=exec -- sh -c 'echo "$FROM_RUN"'
same "the container's" empty -- sh -c 'echo "$FROM_RUN $HOME $PATH ${TERM-unset}"'
same "a file of them" empty --env-file env -- sh -c 'echo "[$FILE1] [$FILE2] [${NAME-unset}] $FROM_RUN"'
same "over a file" empty --env-file env -e FILE1=option -- sh -c 'echo "$FILE1"'
same "UTF-8 in one" empty -e 'A=grüße' -- sh -c 'echo "$A"'
same "a newline in one" empty -e $'A=x\ny' -- sh -c 'echo "$A"'
same "PATH finds the program" empty -e PATH=/opt/bin:/bin -- special

# --- directory ---
same "the container's directory" empty -- pwd
same "another one" empty -w /tmp -- pwd
same "one with a blank" empty -w '/opt/a b' -- pwd
fails "one that is not there" empty -w /no/such -- pwd
differs "podman ends with 255 here, which its manual does not have; ours is 126" \
  "one that is a file" empty -w /etc/passwd -- pwd

# --- users ---
same "root" empty -- id
same "by name" empty -u nobody -- id
same "by number" empty -u 1234 -- id
same "by number and group" empty -u 1234:5678 -- id
same "by name and group" empty -u nobody:nogroup -- id
same "root by number" empty -u 0 -- id
same "in further groups" empty -u member -- id
same "their homes" empty -u member -- sh -c 'echo ~; echo $HOME'
same "who may open their own stdout" empty -u nobody -- sh -c 'echo x >/dev/stdout'
differs "podman ends with 255 here, and its manual says 125, which is ours" \
  "an unknown one" empty -u nobody-knows -- id
differs "podman ends with 255 here, and its manual says 125, which is ours" \
  "an unknown group" empty -u 0:nobody-knows -- id

# --- exit codes ---
same "0" empty -- true
same "1" empty -- false
same "37" empty -- sh -c 'exit 37'
same "255" empty -- sh -c 'exit 255'
same "128+9" empty -- sh -c 'kill -9 $$'
same "128+15" empty -- sh -c 'kill -15 $$'
fails "a program that is not there" empty -- no-such-program
fails "a path that is not there" empty -- /no/such/program
fails "a directory" empty -- /etc
fails "a file that may not be executed" empty -- /etc/passwd

# --- output ---
same "stderr" empty -- sh -c 'echo out; echo err >&2'
same "no newline at the end" empty -- printf x
same "carriage returns" empty -- printf 'a\r\nb\r\n\r'
same "every byte" binary -i -- cat
same "closed stdout" empty -- sh -c 'exec >&-; echo x; exit 4'
same "a megabyte" empty -- head -c 1000000 /dev/zero
same "floods on both" empty -- sh -c 'head -c 1000000 /dev/zero & head -c 1000000 /dev/zero >&2; wait'
same "a child that holds the output" empty -- sh -c 'sleep 20 & echo left'

# --- stdin ---
same "stdin" text -i -- cat
same "none without -i" text -- cat
same "its end at once" empty -i -- wc -c
same "a closed one" closed -i -- wc -c
same "a megabyte of it" big -i -- sha256sum
same "to a slow reader" big -i -- sh -c 'sleep 1; sha256sum'
same "floods in and out" big -i -- sh -c 'tee /dev/stderr'
same "a reader that has enough" big -i -- head -c 5
same "nobody who reads" big -i -- true
same "a shell's script" text -i -- sh -c 'read -r first; echo "<$first>"; cat'

# --- a terminal, where neither side has one ---
same "line ends" empty -t -- printf 'a\nb\n'
same "stderr is in it" empty -t -- sh -c 'echo out; echo err >&2'
same "it is one" empty -t -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo yes'
same "TERM" empty -t -- sh -c 'echo $TERM'
same "another TERM" empty -t -e TERM=vt100 -- sh -c 'echo $TERM'
same "its exit code" empty -t -- sh -c 'exit 9'
same "without one" empty -- sh -c 'test -t 0 || test -t 1 || test -t 2 || echo none'

# --- where it runs ---
same "the container's first process" empty -- cat /proc/1/comm
same "the host's name" empty -- hostname
same "its signals" empty -- grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status
same "its mask and niceness" empty -- sh -c 'umask; nice'
differs "podman prints the id of the exec session; fcvm has none" "in the background" empty -d -- true
