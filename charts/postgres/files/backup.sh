# Writes a backup of the database to $BACKUPS, proves that it can be read, and only then lets go of old ones.
set -eu
umask 077

# Two at a time would take each other's unfinished files away.
exec 9>"$BACKUPS/.lock"
flock --nonblock 9 || { echo "another backup is running" >&2; exit 1; }

name=$PGDATABASE-$(date -u +%Y%m%dT%H%M%SZ).dump
part=$BACKUPS/$name.part
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD
rm -f "$BACKUPS"/*.part
trap 'rm -f "$part"' EXIT

pg_dump --format=custom --no-password --lock-wait-timeout=300s --file="$part"
# --list would read the table of contents alone; this reads everything.
pg_restore --list "$part" >/dev/null
pg_restore --file=/dev/null "$part"
sum=$(sha256sum <"$part")
echo "${sum%% *}  $name" >"$BACKUPS/$name.sha256"

# On disk before it has its name: a backup that has its name is whole.
sync "$part" "$BACKUPS/$name.sha256"
mv "$part" "$BACKUPS/$name"
sync "$BACKUPS"

size=$(wc -c <"$BACKUPS/$name")
set -- "$BACKUPS/$PGDATABASE"-????????T??????Z.dump
while [ $# -gt "$KEEP" ]; do
  rm -f "$1" "$1.sha256"
  shift
done
echo "backup $name: $size bytes, $# kept"
