# shellcheck shell=bash
# ./setup.sh test: one line per check, details of those that failed, and go test's own lines at the end.

# What the tests named TestReal... and the checks use: Debian's package, and how to see that it is there.
tools=(
  'slapd           test -x /usr/sbin/slapd'
  'openssh-server  test -x /usr/sbin/sshd'
  'openssh-client  command -v ssh-keygen'
  'ipmitool        command -v ipmitool'
  'redfishtool     command -v redfishtool'
  'openipmi        command -v ipmi_sim'
  'ldap-utils      command -v ldapsearch'
  'netplan.io      command -v netplan'
  'ifupdown        command -v ifquery'
  'python3         command -v python3'
  'python3-jinja2  test -d /usr/lib/python3/dist-packages/jinja2'
  'python3-yaml    test -d /usr/lib/python3/dist-packages/yaml'
  'shellcheck      command -v shellcheck'
  'openvswitch-switch  test -x /usr/sbin/ovs-vswitchd'
  'openvswitch-common  test -x /usr/bin/ovsdb-tool'
  'ethtool         test -x /usr/sbin/ethtool'
  'iproute2        command -v ip'
  'iputils-ping    command -v ping'
  'network-manager  test -x /usr/sbin/NetworkManager'
  'dbus-daemon     command -v dbus-daemon'
  'systemd         command -v systemd-analyze'
  'udev            command -v udevadm'
  'procps          command -v sysctl'
)
failed=()

missing_tools() {
  local tool package look
  for tool in "${tools[@]}"; do
    read -r package look <<<"$tool"
    eval "$look" >/dev/null 2>&1 || echo "$package"
  done
}

# install_tools installs packages without starting the servers among them, now or at the next boot: the tests start their own.
install_tools() {
  local sudo=() policy=/usr/sbin/policy-rc.d ours='' status=0 package
  [[ $(id -u) == 0 ]] || sudo=(sudo -n)
  [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" install -m 755 /dev/stdin "$policy" && ours=1; }
  echo 'slapd slapd/no_configuration boolean true' | "${sudo[@]}" debconf-set-selections
  "${sudo[@]}" apt-get update -q
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" || status=$?
  [[ -z $ours ]] || "${sudo[@]}" rm -f "$policy"
  for package in "$@"; do
    case $package in
      openssh-server) "${sudo[@]}" systemctl disable ssh || true ;;
      network-manager) "${sudo[@]}" systemctl disable NetworkManager NetworkManager-wait-online NetworkManager-dispatcher || true ;;
      slapd | openipmi | openvswitch-switch) "${sudo[@]}" systemctl disable "$package" || true ;;
    esac
  done
  return $status
}

programs() {
  local missing
  mapfile -t missing < <(missing_tools)
  [[ ${#missing[@]} == 0 ]] && return 0
  if command -v apt-get >/dev/null && { [[ $(id -u) == 0 ]] || sudo -n true 2>/dev/null; }; then
    install_tools "${missing[@]}" || true
    mapfile -t missing < <(missing_tools)
    [[ ${#missing[@]} == 0 ]] && return 0
  fi
  echo "not installed, so the tests that use them cannot run: ${missing[*]}"
  echo "on Debian: sudo apt-get install ${missing[*]}"
  [[ ${CI:-} == true ]] && return 1
  return 77
}

formatted() {
  local files
  files=$(gofmt -l cmd internal)
  [[ -z $files ]] || { echo "not formatted (run gofmt -w):" && echo "$files" && return 1; }
}

# pack_tests runs tests of the pack's files on their own; one that could not run says so.
pack_tests() {
  local out
  out=$(go test -count=1 -v -run "$1" ./internal/pack 2>&1) || { echo "$out" && return 1; }
  grep -q -- '^--- PASS' <<<"$out" && return 0
  sed -n 's/^ *[a-z_]*_test\.go:[0-9]*: //p' <<<"$out" | head -n 1
  return 77
}

shell_scripts() {
  command -v shellcheck >/dev/null || { echo "shellcheck is not installed" && return 77; }
  shellcheck -x setup.sh .ci/run .ci/*.sh actions/run.sh
}

sensor_compiles() {
  python3 - sensors/*.py <<'EOF'
import sys
for path in sys.argv[1:]:
    compile(open(path).read(), path, "exec")
EOF
}

# check runs one check: check NAME COMMAND...
check() {
  local name=$1 log status=0 start=$EPOCHREALTIME end word=ok
  shift
  log=$(mktemp)
  ("$@") >"$log" 2>&1 || status=$?
  end=$EPOCHREALTIME
  case $status in
    0) ;;
    77) word=skip ;;
    *) word=FAIL && failed+=("$name") ;;
  esac
  printf '%-5s %-52s %6.1f s\n' "$word" "$name" "$(seconds "$start" "$end")"
  [[ $status == 0 ]] || sed 's/^/        /' "$log"
  rm -f "$log"
}

# tests runs go test and passes on its lines.
tests() {
  echo "go test $*"
  go test -timeout 30m "$@" 2>&1 | { grep -v '\[no test files\]$' || true; } || failed+=("go test $*")
}

# seconds subtracts two times as bash gives them; the decimal sign depends on the locale.
seconds() { awk -v a="${1/,/.}" -v b="${2/,/.}" 'BEGIN {printf "%.1f", b - a}'; }

checks() {
  export LC_ALL=C
  local start=$EPOCHREALTIME
  check 'programs that the tests run against' programs
  check 'build' build
  check 'format' formatted
  check 'go vet' go vet ./...
  check 'staticcheck' go tool staticcheck ./...
  check 'generated files are up to date' bin/laas generate --check
  check 'workflows' bin/laas-lab workflow lint
  check "metadata against StackStorm's schemas" pack_tests Schemas
  check 'shell scripts' shell_scripts
  check 'sensor compiles' sensor_compiles
  check 'a clone without binaries answers with a clear error' pack_tests Clone
  echo
  # The whole bookings last ten times as long with the race detector, and most of what they run are other processes: it gets a sample of them.
  tests -race -short ./...
  tests ./internal/simlab/demo
  echo
  if [[ ${#failed[@]} != 0 ]]; then
    printf 'FAILED after %s s:' "$(seconds "$start" "$EPOCHREALTIME")"
    printf ' %s;' "${failed[@]}"
    echo
    return 1
  fi
  printf 'all checks passed in %s s\n' "$(seconds "$start" "$EPOCHREALTIME")"
}
