#!/bin/sh
# Runs a command again and again: every.sh SECONDS COMMAND [ARGUMENT...]. How it ended is in the log; RAN, by default
# /tmp/ran, is touched when it could do its work (exit code 0, or 1: it did, and found something wrong).
set -u
seconds=$1
shift
while true; do
  "$@"
  code=$?
  if [ "$code" -le 1 ]; then touch "${RAN:-/tmp/ran}"; fi
  sleep "$seconds"
done
