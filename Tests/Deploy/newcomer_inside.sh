#!/bin/bash
# The steps of docs/tutorial.md and docs/how-to/deploy.md inside the clean tree: newcomer_inside.sh FIRST SECOND (versions)
# There is no systemd in a chroot: a unit's own ExecStart, environment and credentials are used, as its user.
set -euo pipefail
first=$1 second=$2
step() { echo "newcomer: $*"; }
fail() { echo "newcomer: FAILED: $*" >&2; exit 1; }
trap 'echo "newcomer: FAILED in line $LINENO" >&2; tail -n 20 /tmp/*.log >&2' ERR
export DEBIAN_FRONTEND=noninteractive

start_unit() { # starts it in the background and waits for READY=1, or for the end of a oneshot
    local unit=/lib/systemd/system/$1.service credentials=/run/credentials/$1 line
    install -d -o absurd -g absurd -m 0700 "$credentials"
    while IFS=: read -r name path; do
        install -o absurd -g absurd -m 0400 "$path" "$credentials/$name"
    done < <(sed -n 's/^LoadCredential=//p' "$unit")
    local environment=("NOTIFY_SOCKET=/run/notify.sock" "CREDENTIALS_DIRECTORY=$credentials")
    while read -r line; do environment+=("${line//%d/$credentials}"); done < <(sed -n 's/^Environment=//p' "$unit"
        sed -n 's/^EnvironmentFile=-\?//p' "$unit" | xargs -r cat | grep -E '^[A-Z_]+=')
    local command
    read -ra command < <(sed -n 's/^ExecStart=//p' "$unit")
    set -- env -i PATH=/usr/bin:/bin "${environment[@]}" setpriv --reuid=absurd --regid=absurd --init-groups --no-new-privs "${command[@]}"
    if grep -q '^Type=oneshot' "$unit"; then
        "$@"
        return
    fi
    rm -f /run/notify.sock
    # Says "listening", then "ready"; ends without when it does not come to that.
    exec 3< <(exec perl -MSocket -e '
        $| = 1;
        my $socket;
        socket($socket, AF_UNIX, SOCK_DGRAM, 0) && bind($socket, sockaddr_un("/run/notify.sock")) or die "notify: $!";
        chmod 0666, "/run/notify.sock";
        print "listening\n";
        alarm 60;
        while (defined recv($socket, my $text, 4096, 0)) { if ($text =~ /^READY=1/m) { print "ready\n"; exit } }')
    read -r -u 3 _
    "$@" 2>>/tmp/leader.log &
    leader=$!
    read -r -u 3 _ || fail "the leader was not READY within 60 s"
    exec 3<&-
}
stop_unit() { # as systemctl stop does: TERM, and the drain's end
    kill -TERM "$leader"
    wait "$leader" || fail "the leader ended with $?"
}
operator() { ABSURD_DATABASE_URL=postgresql://absurd_operator:o@localhost/absurd "$@"; }

step "apt-get install ./absurd_${first}_*.deb"
apt-get -qq update
apt-get -qq install -y --no-install-recommends ./packages/absurd_"$first"_*.deb postgresql numactl >/tmp/apt.log 2>&1
[ "$(absurd --version)" = "$(absurdctl --version)" ]
ldd /usr/lib/absurd/absurd{,ctl,-worker,-stage} | grep 'not found' && fail "a library is missing"
[ "$(stat -c %U:%a /var/lib/absurd)" = absurd:700 ] && [ "$(stat -c %G:%a /etc/absurd)" = absurd:750 ]
[ -s /usr/share/man/man1/absurd-tasks-list.1.gz ] && bash -n /usr/share/bash-completion/completions/absurd

step "the database, with the logins of deploy/postgres"
pg_ctlcluster 15 main start
ABSURD_OWNER_PASSWORD=w ABSURD_NODE_PASSWORD=n ABSURD_OPERATOR_PASSWORD=o setpriv --reuid=postgres --regid=postgres --init-groups \
    /usr/share/doc/absurd/examples/postgres/create-database.sh
install -m 0640 -g absurd /dev/stdin /etc/absurd/owner-url <<<'postgresql://absurd_owner:w@localhost/absurd'
install -m 0640 -g absurd /dev/stdin /etc/absurd/database-url <<<'postgresql://absurd_node:n@localhost/absurd'

step "absurd-migrate.service, absurd-leader.service"
start_unit absurd-migrate
start_unit absurd-leader

step "spawn, watch"
operator absurd spawn dsa110-pipeline echo --params '{"word": "hello"}' --wait
operator absurd tasks list
operator absurd monitor --once
operator absurd simulate --output /tmp/sky --size small >/dev/null
[ "$(find /tmp/sky -name '*.hdf5' | wc -l)" -ge 16 ] || fail "no observation was simulated: $(ls /tmp/sky)"
state="--state-dir /var/lib/absurd"
absurdctl status $state | grep -E '^(node|state|database) '
absurdctl workers $state

step "drain, and what is spawned meanwhile waits"
absurdctl drain $state
waiting=$(operator absurd spawn dsa110-pipeline echo --params '{"word": "later"}')
operator absurd tasks get "$waiting" --json | grep -q '"status": *"pending"' || fail "a draining leader took a task"

step "upgrade to $second"
stop_unit
apt-get -qq install -y ./packages/absurd_"$second"_*.deb >>/tmp/apt.log 2>&1
dpkg-query -W -f='${Version}\n' absurd | grep -qxF "$second"
[ -s /etc/absurd/database-url ] || fail "the upgrade lost the configuration"
start_unit absurd-migrate
start_unit absurd-leader
operator absurd tasks wait "$waiting"
stop_unit

step "a leader of one NUMA node, if the kernel shows one"
if [ -r /sys/devices/system/node/node0/cpulist ]; then
    setpriv --reuid=absurd --regid=absurd --init-groups env ABSURD_DATABASE_URL_FILE=/etc/absurd/database-url \
        /usr/lib/absurd/absurd-numa-start 0 --help 2>&1 >/dev/null | grep 'node 0, CPUs'
fi

step "remove"
apt-get -qq purge -y absurd >>/tmp/apt.log 2>&1
left=$(find /usr /etc /lib /var/lib /var/log /run /dev/shm -xdev -iname '*absurd*' ! -path '/var/lib/dpkg/*' ! -path '/var/lib/postgresql/*' ! -path '/run/credentials*' ! -path '/var/lib/systemd/*' ! -path '/var/log/postgresql/*'; find /dev/shm -mindepth 1 ! -name 'PostgreSQL.*')
[ -z "$left" ] || fail "left behind: $left"
step "done: installed, ran, drained, upgraded, removed"
