#!/usr/bin/env bash
# Restores a backup of backup.sh into an empty database and empty folders. Only Postgres runs meanwhile.
#   docker compose run --rm restore NAME               or, without Docker, with the variables of backup.sh:
#   PGHOST=... PGDATABASE=... BACKUP_DIR=... BACKUP_STORE=... bash deploy/restore.sh NAME
# Nothing is overwritten: where something is, nothing is done. What it began and could not end, it takes back.
set -euo pipefail

fail() {
  echo "restore: $1" >&2
  exit "${2:-1}"
}

name=${1:-}
[[ -n ${BACKUP_DIR:-} ]] || fail "BACKUP_DIR is not set: the folder where backups are kept" 2
[[ -n $name ]] || fail "which backup? There are: $(cd "$BACKUP_DIR" && echo *)" 2
from=$BACKUP_DIR/$name
[[ -f $from/SHA256SUMS ]] || fail "$from is no backup; there are: $(cd "$BACKUP_DIR" && echo *)" 2
(cd "$from" && sha256sum --check --quiet SHA256SUMS) || fail "$from is damaged: the files named above differ"

declare -A target=(
  [home]=${BACKUP_HOME:-} [spool]=${BACKUP_SPOOL:-} [store]=${BACKUP_STORE:-} [config]=${BACKUP_CONFIG:-}
)
for kind in home spool store config; do
  folder=${target[$kind]}
  if [[ ! -f $from/$kind.tar ]]; then
    target[$kind]=
  elif [[ -z $folder ]]; then
    fail "the backup holds $kind: say where it goes, BACKUP_${kind^^}" 2
  elif [[ -d $folder && -n $(ls -A "$folder") ]]; then
    fail "$folder is not empty, and nothing is overwritten; move what is there away" 2
  fi
done
if [[ -f $from/dagster.dump ]]; then
  [[ -n ${PGDATABASE:-} ]] || fail "the backup holds a database: say which one takes it, PGDATABASE (and PGHOST, ...)" 2
  tables=$(psql --no-psqlrc --tuples-only --no-align --command \
    "select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')") ||
    fail "the database does not answer"
  ((tables == 0)) || fail "the database $PGDATABASE has $tables tables, and nothing is overwritten; make an empty one" 2
fi

begun=()
take_back() {
  for folder in "${begun[@]}"; do find "$folder" -mindepth 1 -delete; done
  echo "restore: it ended before its end; what it had written to folders is taken back" >&2
}
trap take_back EXIT
for kind in config home spool store; do
  folder=${target[$kind]}
  [[ -n $folder ]] || continue
  mkdir -p "$folder"
  begun+=("$folder")
  tar --extract --file "$from/$kind.tar" --directory "$folder" --numeric-owner --preserve-permissions ||
    fail "$folder could not be written"
done
# Last, and all or nothing: a database that is there says that the folders are, too.
if [[ -f $from/dagster.dump ]]; then
  pg_restore --no-owner --no-privileges --exit-on-error --single-transaction --dbname="$PGDATABASE" "$from/dagster.dump" ||
    fail "pg_restore failed, see above; the database is as it was"
fi
trap - EXIT
echo "restored $from"
