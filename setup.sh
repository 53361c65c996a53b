#!/usr/bin/env bash
# Everything one does with a checkout of the pack: see usage below. It does the set-up it needs, on a fresh machine too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
export GOTOOLCHAIN=local
machine=$(uname -m)
version=$(awk '$1 == "version:" {print $2}' pack.yaml)

usage() {
  cat <<'EOF'
usage: ./setup.sh COMMAND

  demo [FLAG...]      book a server of a simulated lab, watch it being set up and taken back (flags: bin/laas-lab demo --help)
  bench [FLAG...]     measure the start of an action, and bookings of 1, 10 and 50 hosts (about a minute; python3-requests to compare with)
  test                run every check and test of the project
  build [--all]       build bin/laas-<machine>, bin/laas and bin/laas-lab; --all also builds for the other kind of machine
  install [HOSTS]     on a StackStorm machine: put the pack in place and load HOSTS (default: datastore/hosts.json)
EOF
}

# die says what is wrong, then line by line what to do.
die() {
  printf 'setup.sh: %s\n' "$1" >&2
  shift
  [[ $# == 0 ]] || printf '          %s\n' "$@" >&2
  exit 1
}

# need_go finds Go and refuses one that is older than go.mod asks for.
need_go() {
  local need have
  need=$(awk '$1 == "go" {print $2}' go.mod)
  command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || die "Go is not installed; version $need or newer is needed." \
    "Get it from https://go.dev/dl/ (unpack into /usr/local) or from your distribution, then run this again."
  have=$(cd / && go version | awk '{print $3}')
  if [[ $(printf '%s\n' "$need" "${have#go}" | sort -V | head -n 1) != "$need" ]]; then
    die "Go $need or newer is needed; this machine has $have at $(command -v go)." \
      "Get it from https://go.dev/dl/ (unpack into /usr/local, and put /usr/local/go/bin first in PATH), then run this again."
  fi
  # A checkout that belongs to another user has no version that Go could read.
  git rev-parse HEAD >/dev/null 2>&1 || export GOFLAGS="${GOFLAGS:-} -buildvcs=false"
}

# need_python is for what plays bookings: the sensor runs in Python, as in StackStorm.
need_python() {
  command -v python3 >/dev/null || die "Python 3 is not installed; the sensor needs it." "On Debian: apt-get install python3"
}

# build_for compiles what runs in a lab, for a kind of machine as uname -m names it.
build_for() {
  local arch
  case $1 in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) arch=$(go env GOARCH) ;;
  esac
  CGO_ENABLED=0 GOARCH=$arch go build -trimpath -tags urfave_cli_no_docs -ldflags "-s -w -X main.version=$version" -o "bin/laas-$1" ./cmd/laas
}

build() {
  local targets=("$machine") target
  case ${1:-} in
    '') ;;
    --all) mapfile -t targets < <(printf '%s\n' "$machine" x86_64 aarch64 | sort -u) ;;
    *) die "build knows only --all" ;;
  esac
  need_go
  mkdir -p bin
  [[ -x bin/laas-lab ]] || echo "building (the first time takes a minute or two) ..."
  for target in "${targets[@]}"; do
    build_for "$target" || return
  done
  ln -sfn "laas-$machine" bin/laas &&
    CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$version" -o bin/laas-lab ./cmd/laas-lab
}

case ${1:-} in
  demo)
    need_python
    build
    exec bin/laas-lab demo "${@:2}"
    ;;
  bench)
    need_python
    build
    exec bin/laas-lab bench "${@:2}"
    ;;
  test)
    need_go
    # shellcheck source=.ci/checks.sh
    source .ci/checks.sh
    checks
    ;;
  build)
    build "${@:2}"
    ls -l bin
    ;;
  install)
    # shellcheck source=.ci/install.sh
    source .ci/install.sh
    install_pack "${@:2}"
    ;;
  -h | --help | help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
