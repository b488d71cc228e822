#!/bin/sh
# Runs a command again and again: every.sh SECONDS [--also CODE] COMMAND [ARGUMENT...]. How it ended is in the log; RAN,
# by default /tmp/ran, is touched when it could do its work: exit code 0, or CODE. Not 1, which is a crash too.
set -u
seconds=$1 also=0
shift
if [ "$1" = --also ]; then
  also=$2
  shift 2
fi
while true; do
  "$@"
  code=$?
  if [ "$code" -eq 0 ] || [ "$code" -eq "$also" ]; then touch "${RAN:-/tmp/ran}"; fi
  sleep "$seconds"
done
