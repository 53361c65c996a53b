#!/bin/sh
# What StackStorm starts for every action: the pack's program for this machine. Where it was not built, that is said as an
# action says everything: one JSON document on stdout, and the exit status of its kind (internal/fault).
program="${0%/*}/../bin/laas-$(uname -m)"
[ -x "$program" ] && exec "$program" "$@"
printf '{"error":{"kind":"config","message":"bin/laas-%s, the program of the pack laas, is not on this StackStorm worker","hint":"in a checkout of the pack run ./setup.sh build (or ./setup.sh install, which also puts it in place), on every worker","retryable":false}}\n' "$(uname -m)"
exit 3
