#!/usr/bin/env bash
# Backs up what cannot be made again: Dagster's records, the spool, the store, the registry. Nothing has to stop.
#   docker compose run --rm backup                     or, without Docker, on any machine with pg_dump:
#   PGHOST=... PGDATABASE=... PGUSER=... PGPASSWORD=... BACKUP_DIR=... BACKUP_STORE=... bash deploy/backup.sh [NAME]
# A backup is the folder BACKUP_DIR/NAME, by default the time in UTC; it is there whole, or not at all.
#   BACKUP_STORE    the store, if it is a directory. A bucket keeps its versions itself: leave it unset.
#   BACKUP_SPOOL    the spool of capture, if it runs here.
#   BACKUP_CONFIG   the folder of candidates.yaml.
#   BACKUP_HOME     instead of PGDATABASE: DAGSTER_HOME of an instance on SQLite, with Dagster stopped.
#   BACKUP_KEEP     how many backups stay; the oldest go. By default all.
set -euo pipefail

fail() {
  echo "backup: $1" >&2
  exit "${2:-1}"
}

name=${1:-$(date -u +%Y%m%dT%H%M%SZ)}
[[ -n ${BACKUP_DIR:-} ]] || fail "BACKUP_DIR is not set: the folder where backups are kept" 2
[[ $name =~ ^[0-9A-Za-z][0-9A-Za-z_-]*$ ]] || fail "the name $name has other characters than letters, digits, _ and -" 2
[[ -n ${PGDATABASE:-} || -n ${BACKUP_HOME:-} ]] || fail "set PGDATABASE (Postgres) or BACKUP_HOME (SQLite)" 2
[[ -z ${PGDATABASE:-} || -z ${BACKUP_HOME:-} ]] || fail "PGDATABASE and BACKUP_HOME are both set; Dagster has one" 2
[[ ! -e $BACKUP_DIR/$name ]] || fail "$BACKUP_DIR/$name is there already, and is left as it is" 2
for folder in "${BACKUP_HOME:-}" "${BACKUP_SPOOL:-}" "${BACKUP_STORE:-}" "${BACKUP_CONFIG:-}"; do
  [[ -z $folder || -d $folder ]] || fail "$folder is no folder" 2
done

umask 077
mkdir -p "$BACKUP_DIR"
part=$(mktemp -d "$BACKUP_DIR/.$name.XXXXXX")
trap 'rm -rf "$part"' EXIT

# A folder that is written to meanwhile: its files are replaced by renaming, and those of the spool only grow, so each
# is read whole or with a tail that the spool itself cuts off. tar tells by 1 that something changed; 2 is a failure.
pack() {
  local name=$1 folder=$2 code=0
  shift 2
  tar --create --file "$part/$name.tar" --directory "$folder" --numeric-owner "$@" \
    --warning=no-file-changed --warning=no-file-removed . || code=$?
  ((code <= 1)) || fail "$folder could not be read (tar ended with $code)"
}

# Where capture runs, the slot under way is left out, and so is the name of the spool: both go on here, and two spools
# of one name would send different bytes under one key. A restored spool takes a new name, and keeps what waits.
pack_spool() {
  local out=(--exclude=./spool.lock)
  if [[ -e $1/spool.lock ]] && ! flock --nonblock "$1/spool.lock" true; then
    out+=('--exclude=./segments/*.part' --exclude=./spool.json)
  fi
  pack spool "$1" "${out[@]}"
}

# In this order: an object is stored before Dagster records it, and a batch leaves the spool only once it is stored.
if [[ -n ${PGDATABASE:-} ]]; then
  pg_dump --format=custom --no-owner --no-privileges --file="$part/dagster.dump" || fail "pg_dump failed, see above"
else
  pack home "$BACKUP_HOME"
fi
[[ -z ${BACKUP_SPOOL:-} ]] || pack_spool "$BACKUP_SPOOL"
[[ -z ${BACKUP_STORE:-} ]] || pack store "$BACKUP_STORE" --exclude=./.tmp
[[ -z ${BACKUP_CONFIG:-} ]] || pack config "$BACKUP_CONFIG"

(cd "$part" && sha256sum -- * > SHA256SUMS && sync -f SHA256SUMS)
mv --no-target-directory "$part" "$BACKUP_DIR/$name"
trap - EXIT
du -sh "$BACKUP_DIR/$name"

if [[ -n ${BACKUP_KEEP:-} ]]; then
  [[ $BACKUP_KEEP =~ ^[1-9][0-9]*$ ]] || fail "BACKUP_KEEP is $BACKUP_KEEP; a number from 1 is allowed" 2
  # Only what this script has made, by its default names, which sort as their times do.
  find "$BACKUP_DIR" -mindepth 1 -maxdepth 1 -type d -regextype posix-extended -regex '.*/[0-9]{8}T[0-9]{6}Z' |
    sort | head -n "-$BACKUP_KEEP" | while read -r old; do rm -rf -- "$old"; done
fi
