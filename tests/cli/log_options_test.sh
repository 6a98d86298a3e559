# --log-driver and --log-opt: what is refused, and with which words. No VM is needed.
. "$(dirname "$0")/../support/assert.sh"
export HOME="$scratch" FCVM_DATA_DIR="$scratch/data" FCVM_PATHS_RUNTIME_DIR="$scratch/run"

refused() {
  run "$FCVM" run --network none "$@" fcvm/hello
  [ "$rc" -eq 125 ]
}

check "an unknown option is refused" refused --log-opt tag=x
check "with those that there are" contains "$err" "max-size=SIZE and max-file=NUMBER"
check "a log that holds nothing is refused" refused --log-opt max-size=1
check "with what keeps none" contains "$err" "--log-driver none"
check "so is not a file at all" refused --log-opt max-file=0
check "a driver that there is not" refused --log-driver syslog
check "with those that there are" contains "$err" "journald"
check "both options in one word are both taken" refused --log-opt max-size=1M,max-file=0
check "and judged apart" contains "$err" "--log-opt max-file"
check "options for a driver without any" refused --log-driver none --log-opt max-size=1M
check "streams that nobody has" refused --detach --log-driver passthrough
check "and why" contains "$err" "--detach"
if [ ! -S /run/systemd/journal/socket ]; then
  check "a journal that is not there" refused --log-driver journald
  check "and what to take" contains "$err" "--log-driver k8s-file"
fi
finish
