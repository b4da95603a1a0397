# Writes who may sign in and starts Redis with the arguments it is given.
#
# All users have the one password, known to Redis by its hash alone. Each may do what its task takes: services may do
# nothing to the server itself, such as change its settings, switch it off or make it a replica of another.
set -eu
umask 077
[ -s "$PASSWORD_FILE" ] || { echo "the password is empty" >&2; exit 1; }
hash=$(printf %s "$(cat "$PASSWORD_FILE")" | sha256sum)
hash=${hash%% *}
cat >"$ACL_FILE" <<EOF
user default on #$hash ~* &* +@all -@admin
user backup on #$hash -@all +ping +replconf +psync +sync
user metrics on #$hash -@all +@connection -@admin +info +config|get +slowlog|get +slowlog|len +latency|latest +latency|histogram
EOF
exec redis-server "$@"
