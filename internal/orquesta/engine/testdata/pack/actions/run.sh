#!/bin/sh
# What the tests need of an action. FIFOs in $dir keep test and action in step.
for arg in "$@"; do
  case $arg in
    --action=*) action=${arg#*=} ;;
    --host=*) host=${arg#*=} ;;
    --dir=*) dir=${arg#*=} ;;
  esac
done
case $action in
  probe)
    case $host in
      bad) echo '{}'; exit 3 ;;
      *) echo '{}' ;;
    esac ;;
  args) printf '[%s]\n' "$@" ;;
  config) printf '%s\n' "$LAAS_CONFIG" ;;
  lines) printf '{"a": 1}\n{"b": 2}\n' ;;
  binary) printf '\377\376' ;;
  environment) printf '{"pack": "%s", "id": "%s", "url": "%s", "debug": "%s"}\n' "$ST2_ACTION_PACK_NAME" "$ST2_ACTION_EXECUTION_ID" "$ST2_ACTION_API_URL" "$ST2_ACTION_DEBUG" ;;
  wait|stubborn)
    signals=0
    trap 'signals=$((signals + 1))' TERM
    echo "partial output"
    echo "$ST2_ACTION_AUTH_TOKEN" > "$dir/began"
    while [ ! -e "$dir/go" ]; do sleep 0.02; done
    echo "$signals" > "$dir/ended"
    echo "and more" ;;
esac
