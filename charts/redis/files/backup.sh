# Writes a backup of the data to $BACKUPS, proves that it can be read, and only then lets go of old ones.
set -eu
umask 077

# Two at a time would take each other's unfinished files away.
exec 9>"$BACKUPS/.lock"
flock --nonblock 9 || { echo "another backup is running" >&2; exit 1; }

name=redis-$(date -u +%Y%m%dT%H%M%SZ).rdb
part=$BACKUPS/$name.part
REDISCLI_AUTH=$(cat "$PASSWORD_FILE")
export REDISCLI_AUTH
rm -f "$BACKUPS"/*.part
trap 'rm -f "$part"' EXIT

# What redis-cli says of its progress is of interest only if it fails.
said=$(redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" --user backup --rdb "$part" 2>&1) || { echo "$said" >&2; exit 1; }
said=$(redis-check-rdb "$part") || { echo "$said" >&2; exit 1; }
sum=$(sha256sum <"$part")
echo "${sum%% *}  $name" >"$BACKUPS/$name.sha256"

# On disk before it has its name: a backup that has its name is whole.
sync "$part" "$BACKUPS/$name.sha256"
mv "$part" "$BACKUPS/$name"
sync "$BACKUPS"

size=$(wc -c <"$BACKUPS/$name")
set -- "$BACKUPS"/redis-????????T??????Z.rdb
while [ $# -gt "$KEEP" ]; do
  rm -f "$1" "$1.sha256"
  shift
done
echo "backup $name: $size bytes, $# kept"
