# Restores the backup $RESTORE_FILE into a database of its own, and only when that is complete lets it take the place
# of the one there is. Which backup a database comes from stands in its comment, so that the next run of the same
# attempt has nothing to do.
set -eu

die() { echo "$*" >&2; exit 1; }

# sql DATABASE: runs what it reads, and prints the bare results.
sql() {
  psql --no-psqlrc --quiet --no-align --tuples-only --no-password --set=ON_ERROR_STOP=1 --dbname="$1" \
    --set=name="$PGDATABASE" --set=new="${PGDATABASE}_restoring" --set=old="${PGDATABASE}_before" --set=mark="$mark"
}

file=$BACKUPS/$RESTORE_FILE
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD
mark="restored from $RESTORE_FILE, attempt $RESTORE_ATTEMPT"

tries=60
until pg_isready --quiet; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || die "the server $PGHOST does not answer"
  sleep 5
done

found=$(sql postgres <<'SQL'
SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :'name';
SQL
)
if [ "$found" = "$mark" ]; then
  echo "$PGDATABASE was $mark already; nothing to do"
  exit 0
fi

if [ ! -f "$file" ]; then
  echo "there is no backup $RESTORE_FILE. There are:" >&2
  for other in "$BACKUPS"/*.dump; do [ ! -e "$other" ] || echo "  ${other##*/}" >&2; done
  exit 1
fi
if [ -f "$file.sha256" ]; then
  sum=$(sha256sum <"$file")
  [ "${sum%% *}" = "$(cut -d ' ' -f 1 "$file.sha256")" ] || die "$RESTORE_FILE is damaged: it is not what was written"
fi
pg_restore --list "$file" >/dev/null && pg_restore --file=/dev/null "$file" || die "$RESTORE_FILE is damaged: it can't be read to its end"

# An attempt that was cut off may have left the database closed.
sql postgres <<'SQL'
ALTER DATABASE :"name" ALLOW_CONNECTIONS true;
SQL
relations=$(sql "$PGDATABASE" <<'SQL'
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema';
SQL
)
if [ "$relations" -gt 0 ] && [ "$RESTORE_OVERWRITE" != true ]; then
  die "$PGDATABASE holds $relations tables, views and sequences; nothing was changed. To replace them set restore.overwrite"
fi

sql postgres <<'SQL'
DROP DATABASE IF EXISTS :"new";
CREATE DATABASE :"new" TEMPLATE template0;
SQL
pg_restore --no-password --no-owner --exit-on-error --single-transaction --dbname="${PGDATABASE}_restoring" "$file"
sql "${PGDATABASE}_restoring" <<'SQL'
-- It warns of each catalog of the server that is not the user's to analyze.
SET client_min_messages = error;
ANALYZE;
SQL

# Closed first, so that nobody comes back between the end of his session and the change of names.
sql postgres >/dev/null <<'SQL'
DROP DATABASE IF EXISTS :"old";
ALTER DATABASE :"name" ALLOW_CONNECTIONS false;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'name';
BEGIN;
ALTER DATABASE :"name" RENAME TO :"old";
ALTER DATABASE :"new" RENAME TO :"name";
COMMENT ON DATABASE :"name" IS :'mark';
COMMIT;
ALTER DATABASE :"old" ALLOW_CONNECTIONS true;
SQL
kept="the database before is kept as ${PGDATABASE}_before"
if [ "$relations" -eq 0 ]; then
  kept="the database before was empty"
  sql postgres <<'SQL'
DROP DATABASE :"old";
SQL
fi
echo "$PGDATABASE was $mark; $kept"
