# shellcheck shell=bash
# ./setup.sh install: put the pack into this machine's StackStorm. Nothing is changed before everything needed was seen to be there.

packs=${ST2_PACKS_DIR:-/opt/stackstorm/packs}
configs=${ST2_CONFIGS_DIR:-/opt/stackstorm/configs}
st2_conf=${ST2_CONFIG_PATH:-/etc/st2/st2.conf}

# setting prints a value of st2.conf: setting SECTION KEY.
setting() {
  awk -v section="[$1]" -v key="$2" '
    /^[[:space:]]*\[/ {gsub(/[[:space:]]/, ""); in_section = ($0 == section); next}
    in_section && $0 !~ /^[[:space:]]*#/ {
      i = index($0, "="); k = substr($0, 1, i - 1); gsub(/[[:space:]]/, "", k)
      if (i && k == key) {v = substr($0, i + 1); gsub(/^[[:space:]]+|[[:space:]]+$/, "", v); print v; exit}
    }' "$st2_conf"
}

# prerequisites stops where the pack could not work.
prerequisites() {
  command -v st2 >/dev/null || die "this machine has no st2 command: install runs on a StackStorm machine." \
    "To try the pack without StackStorm: ./setup.sh demo"
  command -v python3 >/dev/null || die "python3 is not installed, which StackStorm itself needs"
  [[ -d $packs && -w $packs ]] || die "cannot write to $packs: run this as root (sudo -E ./setup.sh install)"
  [[ -r $st2_conf ]] || die "cannot read $st2_conf; if StackStorm's configuration is elsewhere, set ST2_CONFIG_PATH"
  [[ -n $(setting coordination url) ]] || die "StackStorm has no coordination backend, so its policies would not keep two executions off one host or switch." \
    "Put into $st2_conf:" "  [coordination]" "  url = redis://127.0.0.1:6379" "install redis-server, and run: st2ctl restart"
  [[ -n $(setting keyvalue encryption_key_path) ]] || die "StackStorm has no key to encrypt secrets with." \
    "Create one (st2-generate-symmetric-crypto-key --key-path /etc/st2/keys/datastore_key.json), put into $st2_conf:" \
    "  [keyvalue]" "  encryption_key_path = /etc/st2/keys/datastore_key.json" "and run: st2ctl restart"
  local answer
  answer=$(st2 key list -n 1 2>&1) || die "StackStorm does not let us in:" "$answer" \
    "Log in (st2 login USER), or set ST2_AUTH_TOKEN or ST2_API_KEY, and keep it across sudo: sudo -E ./setup.sh install"
}

# place copies the pack beside its place and swaps: StackStorm never sees half a pack.
place() {
  local new=$packs/.laas.new old=$packs/.laas.old
  rm -rf "$new" "$old"
  mkdir "$new"
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -z | tar --null --files-from=- -cf - | tar -xf - -C "$new"
  else
    tar --exclude=./bin --exclude=./.git -cf - . | tar -xf - -C "$new"
  fi
  mkdir -p "$new/bin"
  # Programs for other kinds of machines stay: workers may share the directory.
  [[ ! -d $packs/laas/bin ]] || cp -P "$packs"/laas/bin/laas* "$new/bin/"
  cp -P bin/laas* "$new/bin/"
  if getent group st2packs >/dev/null; then
    chgrp -R st2packs "$new" && chmod -R g+rwX "$new"
  fi
  [[ ! -e $packs/laas ]] || mv -T "$packs/laas" "$old"
  mv -T "$new" "$packs/laas"
  rm -rf "$old"
}

# key_exists asks the datastore: 0 there, 1 not there; anything else ends the installation.
key_exists() {
  local answer
  answer=$(st2 key get "$1" -j 2>&1) && grep -q '"name"' <<<"$answer" && return 0
  grep -qiE 'not (be )?found' <<<"$answer" && return 1
  die "cannot ask StackStorm for the key $1:" "$answer"
}

# load_hosts loads the keys of the inventory that are not in the datastore yet.
load_hosts() {
  local file=$1 name new=() kept=() subset
  while IFS= read -r name; do
    if key_exists "$name"; then kept+=("$name"); else new+=("$name"); fi
  done < <(python3 -c 'import json, sys; print("\n".join(e["name"] for e in json.load(open(sys.argv[1]))))' "$file")
  if [[ ${#new[@]} != 0 ]]; then
    subset=$(mktemp)
    python3 -c '
import json, sys
entries = [e for e in json.load(open(sys.argv[1])) if e["name"] in sys.argv[3:]]
json.dump(entries, open(sys.argv[2], "w"))' "$file" "$subset" "${new[@]}"
    st2 key load "$subset" >/dev/null
    rm -f "$subset"
    echo "loaded from $file: ${new[*]}"
  fi
  if [[ ${#kept[@]} != 0 ]]; then
    echo "left as they are in the datastore: ${kept[*]}"
    echo "  (to replace all of them: st2 key load $file)"
  fi
}

# open_points says what is still to be configured.
open_points() {
  local file=$1 key host
  echo
  echo "Still to be done:"
  [[ -e $configs/laas.yaml ]] || echo "  - configure the pack: cp $packs/laas/laas.yaml.example $configs/laas.yaml, edit it, then: st2ctl reload --register-configs"
  cmp -s "$file" <(git show HEAD:datastore/hosts.json 2>/dev/null) &&
    echo "  - $file is the example lab: describe your own in it, check it (bin/laas inventory validate $file), then: st2 key load $file"
  # The keys that the configuration and the inventory name.
  {
    grep -v '^ *#' "$(existing "$configs/laas.yaml" laas.yaml.example)" | grep -oE 'st2kv\.system\.[A-Za-z0-9_.]+' | cut -d. -f3-
    echo laas.secret.ssh.lab
    grep -oE '\\"credentials\\": *\\"[A-Za-z0-9_.-]+' "$file" | sed 's/.*"//'
  } | sort -u | while IFS= read -r key; do
    key_exists "$key" || echo "  - store the secret $key: $(how_to_set "$key")"
  done
  python3 -c 'import json, sys
for e in json.load(open(sys.argv[1])):
    if "\"bmc\"" in e["value"]: print(e["name"])' "$file" | while IFS= read -r host; do
    key_exists "laas.bmc_baseline.$host" || echo "  - record the accounts on the BMC of $host, while no tenant has it: st2 run laas.adopt_host host=$host"
  done
  echo "When the list is empty: st2 sensor list --pack=laas, and book a server."
}

existing() { if [[ -e $1 ]]; then echo "$1"; else echo "$2"; fi; }

how_to_set() {
  case $1 in
    laas.secret.ssh.lab) echo "st2 key set $1 \"\$(cat PRIVATE_KEY_FILE)\" --encrypt   (or name a file: ssh.private_key_file)" ;;
    login_*) echo "st2 key set $1 '{\"user\": \"...\", \"password\": \"...\"}' --encrypt" ;;
    *) echo "st2 key set $1 '...' --encrypt" ;;
  esac
}

# quietly runs a command of StackStorm's and shows its output only when it failed: quietly COMPLAINT COMMAND...
quietly() {
  local output status=0
  output=$("${@:2}" 2>&1) || status=$?
  if [[ $status != 0 ]] || grep -qE '^status: *(failed|timeout)' <<<"$output"; then
    die "$1:" "$output"
  fi
}

install_pack() {
  local hosts=${1:-datastore/hosts.json}
  prerequisites
  [[ -r $hosts ]] || die "cannot read $hosts"
  build
  bin/laas inventory validate "$hosts" || die "correct $hosts first; nothing was installed"
  place
  echo "pack is in $packs/laas"
  quietly "StackStorm could not make the pack's virtualenv" st2 run packs.setup_virtualenv packs=laas
  quietly "StackStorm did not register the pack" st2ctl reload --register-all
  load_hosts "$hosts"
  open_points "$hosts"
}
