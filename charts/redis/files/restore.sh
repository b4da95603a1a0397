# Restores the backup $RESTORE_FILE: a Redis of its own reads the file, and sends every key to the server, with its time
# to live. Which backup the data comes from stands in the key towpath:restored, so that the next run of the same attempt
# has nothing to do.
set -eu

die() { echo "$*" >&2; exit 1; }
server() { REDISCLI_AUTH=$password redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" "$@"; }
reader() { redis-cli -s "$WORK/socket" "$@"; }

file=$BACKUPS/$RESTORE_FILE
password=$(cat "$PASSWORD_FILE")
mark="$RESTORE_FILE, attempt $RESTORE_ATTEMPT"

tries=60
until [ "$(server ping 2>/dev/null)" = PONG ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || die "the server $REDIS_HOST does not answer"
  sleep 5
done

if [ "$(server get towpath:restored)" = "$mark" ]; then
  echo "the data was restored from $mark already; nothing to do"
  exit 0
fi

if [ ! -f "$file" ]; then
  echo "there is no backup $RESTORE_FILE. There are:" >&2
  for other in "$BACKUPS"/*.rdb; do [ ! -e "$other" ] || echo "  ${other##*/}" >&2; done
  exit 1
fi
if [ -f "$file.sha256" ]; then
  sum=$(sha256sum <"$file")
  [ "${sum%% *}" = "$(cut -d ' ' -f 1 "$file.sha256")" ] || die "$RESTORE_FILE is damaged: it is not what was written"
fi
said=$(redis-check-rdb "$file" 2>&1) || { echo "$said" >&2; die "$RESTORE_FILE is damaged, or of a newer Redis"; }

keys=$(server info keyspace | sed -n 's/^db[0-9]*:keys=\([0-9]*\),.*/\1/p' | { sum=0; while read -r n; do sum=$((sum + n)); done; echo $sum; })
keys=$((keys - $(server exists towpath:restored)))
if [ "$keys" -gt 0 ] && [ "$RESTORE_OVERWRITE" != true ]; then
  die "the server holds $keys keys; nothing was changed. To replace them set restore.overwrite"
fi

# It reads the file where it lies and writes nowhere.
redis-server --port 0 --unixsocket "$WORK/socket" --dir "$BACKUPS" --dbfilename "$RESTORE_FILE" --save '' --appendonly no >"$WORK/log" 2>&1 &
reading=$!
trap 'kill $reading 2>/dev/null || :' EXIT
until [ "$(reader ping 2>/dev/null)" = PONG ]; do
  kill -0 $reading 2>/dev/null || { cat "$WORK/log" >&2; die "$RESTORE_FILE can't be read"; }
  sleep 0.2
done

[ "$keys" -eq 0 ] || server flushall >/dev/null
# redis-cli quotes the names for redis-cli, so they may hold anything; the password is quoted here.
QUOTED=$(printf %s "$password" | sed 's/[\\"]/\\&/g')
export QUOTED
for db in $(reader info keyspace | sed -n 's/^db\([0-9]*\):.*/\1/p'); do
  reader -n "$db" --no-raw --scan | awk -v db="$db" '
    BEGIN { start = "MIGRATE " ENVIRON["REDIS_HOST"] " " ENVIRON["REDIS_PORT"] " \"\" " db " 60000 COPY REPLACE AUTH \"" ENVIRON["QUOTED"] "\" KEYS" }
    { keys = keys " " $0 }
    NR % 100 == 0 { print start keys; keys = "" }
    END { if (keys != "") print start keys }' |
    reader -n "$db" >"$WORK/answers"
  # NOKEY: all of them have expired since.
  if grep -v -e '^OK$' -e '^NOKEY$' -e '^$' "$WORK/answers" >&2; then
    die "not all of $RESTORE_FILE is restored; the next attempt begins anew"
  fi
  # A pipe hides what fails inside it: every key that can't have expired has to be there.
  there=$(server -n "$db" dbsize)
  expected=$(reader info keyspace | sed -n "s/^db$db:keys=\([0-9]*\),expires=\([0-9]*\),.*/\1 \2/p")
  [ "$there" -ge $((${expected% *} - ${expected#* })) ] || die "only $there keys of database $db are restored; the next attempt begins anew"
done
server set towpath:restored "$mark" >/dev/null
echo "the data was restored from $mark; $(reader info keyspace | grep -c '^db') databases"
