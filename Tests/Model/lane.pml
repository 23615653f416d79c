/* The lane's protocol, checked exhaustively for small sizes: N slots, T tasks, one leader and one worker, either of which
 * may die between any two steps (LEADER_DEATHS, WORKER_DEATHS in all) and is replaced.
 *
 * One step here is one load, store or compare-and-swap of shared memory. `row` stands for Postgres.
 * Checked: a request or result is read whole; a task finishes once; it begins once, plus once for each time that its
 * worker died with it; no side sleeps for ever (an invalid end state); at the end every task is done.
 *
 * Variants that must be found wrong: BROKEN_ORDER publishes before the bytes are there, BROKEN_TAKE loads and stores
 * instead of swapping, BROKEN_SLEEP looks before it sets its flag, BROKEN_FREE frees before Postgres has the result. */
#ifndef N
#define N 2
#endif
#ifndef T
#define T 3
#endif
#ifndef LEADER_DEATHS
#define LEADER_DEATHS 1
#endif
#ifndef WORKER_DEATHS
#define WORKER_DEATHS 1
#endif
#ifndef REVOKES
#define REVOKES 1
#endif

#define FREE 0
#define OFFERED 1
#define RUNNING 2
#define REVOKED 4
#define PENDING 0
#define CLAIMED 1
#define FINISHED 2
#define NONE 255

/* control = generation * 8 + state; done = position + 1 of the newest result in this slot */
byte control[N], done[N], request[N], result[N];
byte row[T], begun[T], finished[T], diedWith[T];
byte leaderDeaths = 0, workerDeaths = 0, revokes = 0;
bool workerSleeps = false, leaderSleeps = false; /* the flags, and at once whether the futex holds the sleeper */
bool workerAlive = true, over = false;

#define CONTROL(position, state) (((position) / N) * 8 + (state))
#define SLOT(position) ((position) % N)
#define LEADER_MAY_DIE if :: true :: leaderDeaths < LEADER_DEATHS -> leaderDeaths++; goto died fi
#define WORKER_MAY_DIE if :: true :: workerDeaths < WORKER_DEATHS -> workerDeaths++; goto died fi

/* Whoever finds the flag set clears it and owes the wake-up; clearing is the wake-up here. */
#define WAKE_WORKER if :: workerSleeps -> workerSleeps = false :: else fi
#define WAKE_LEADER if :: leaderSleeps -> leaderSleeps = false :: else fi

active proctype worker() {
    byte next, running, i, seen, task, ring;
    bool due;
attach:
    /* The earliest position that any slot stands for. */
    skip;
    d_step {
        next = NONE; running = NONE; due = false; i = 0;
        do
        :: i < N -> if :: (control[i] / 8) * N + i < next -> next = (control[i] / 8) * N + i :: else fi; i++
        :: else -> break
        od;
        i = 0
    }
look:
    WORKER_MAY_DIE;
    seen = control[SLOT(next)];
    if
    :: seen == CONTROL(next, OFFERED) -> goto take
    :: seen / 8 < next / N || seen == CONTROL(next, FREE) -> goto nothing
    :: else -> next++; goto look /* revoked, done or freed: over */
    fi;
take:
    WORKER_MAY_DIE;
#ifdef BROKEN_TAKE
    control[SLOT(next)] = CONTROL(next, RUNNING);
#else
    atomic {
        if
        :: control[SLOT(next)] == CONTROL(next, OFFERED) -> control[SLOT(next)] = CONTROL(next, RUNNING)
        :: else -> goto look
        fi
    }
#endif
    running = next; next++;
    d_step { task = request[SLOT(running)]; assert(task < T); begun[task]++; assert(begun[task] <= 1 + diedWith[task]) }
    if :: due -> WORKER_MAY_DIE; due = false; WAKE_LEADER :: else fi;
    WORKER_MAY_DIE;
#ifdef BROKEN_ORDER
    done[SLOT(running)] = running + 1;
    WORKER_MAY_DIE;
    result[SLOT(running)] = task + 100;
#else
    result[SLOT(running)] = task + 100;
    WORKER_MAY_DIE;
    done[SLOT(running)] = running + 1;
#endif
    running = NONE; due = true;
    WORKER_MAY_DIE;
    /* When the next task lies there, the bell is left to the take that follows. */
    if
    :: control[SLOT(next)] == CONTROL(next, OFFERED) -> skip
    :: else -> WORKER_MAY_DIE; due = false; WAKE_LEADER
    fi;
    goto look;
nothing:
    WORKER_MAY_DIE;
    if :: due -> due = false; WAKE_LEADER :: else fi;
    if :: over -> goto left :: else fi;
#ifdef BROKEN_SLEEP
    seen = control[SLOT(next)];
    WORKER_MAY_DIE;
    workerSleeps = true;
#else
    workerSleeps = true;
    WORKER_MAY_DIE;
    seen = control[SLOT(next)];
#endif
    if
    :: !(seen / 8 < next / N || seen == CONTROL(next, FREE)) || over -> workerSleeps = false; goto look
    :: else
    fi;
    /* Asleep. It may be killed here too. */
    if
    :: !workerSleeps -> goto look
    :: workerDeaths < WORKER_DEATHS -> workerDeaths++; goto died
    fi;
died:
    /* The kernel ends the process; its pidfd wakes the leader whatever its flag says. */
    skip;
    d_step {
        if
        :: running != NONE && done[SLOT(running)] != running + 1 -> diedWith[task]++
        :: else
        fi;
        workerAlive = false; leaderSleeps = false
    }
end_dead:
    if :: workerAlive -> goto attach :: over && !workerAlive -> goto left fi;
left:
    skip
}

active proctype leader() {
    byte next, oldest, i, p, task, last;
    byte ledger[N]; /* FREE, OFFERED (out there), REVOKED */
    byte known[T];
adopt:
    skip;
    d_step {
        next = 0; i = 0;
        do
        :: i < N ->
            last = (control[i] / 8) * N + i + 1;
            if
            :: control[i] % 8 == FREE -> if :: control[i] / 8 == 0 -> last = 0 :: else -> last = last - N fi
            :: else
            fi;
            if :: last > next -> next = last :: else fi;
            i++
        :: else -> break
        od;
        oldest = (next > N -> next - N : 0);
        p = oldest; i = 0
    }
    do
    :: p < oldest + N ->
        LEADER_MAY_DIE;
        ledger[SLOT(p)] = FREE;
        if
        :: p < next && control[SLOT(p)] == CONTROL(p, REVOKED) -> control[SLOT(p)] = CONTROL(p + N, FREE)
        :: p < next && control[SLOT(p)] != CONTROL(p, REVOKED) && control[SLOT(p)] / 8 == p / N ->
            ledger[SLOT(p)] = OFFERED
        :: else
        fi;
        p++
    :: else -> break
    od;
    skip;
    d_step {
        do :: oldest < next && ledger[SLOT(oldest)] == FREE -> oldest++ :: else -> break od;
        p = 0
    }
    /* Claimed by this node and in no slot: never begun. */
    d_step {
        i = 0;
        do :: i < T -> known[i] = 0; i++ :: else -> break od;
        p = oldest;
        do
        :: p < next -> if :: ledger[SLOT(p)] == OFFERED -> known[request[SLOT(p)]] = 1 :: else fi; p++
        :: else -> break
        od;
        i = 0;
        do
        :: i < T -> if :: row[i] == CLAIMED && known[i] == 0 -> row[i] = PENDING :: else fi; i++
        :: else -> break
        od;
        i = 0; p = 0
    }
    WAKE_WORKER; /* its predecessor may have died owing a wake-up */
work:
    LEADER_MAY_DIE;
    /* Results first, in the order of the offers; then a dead worker; then offers. */
    skip;
    d_step {
        p = oldest;
        do
        :: p < next && ledger[SLOT(p)] != OFFERED -> p++
        :: else -> break
        od;
        skip
    }
    if
    :: p < next && done[SLOT(p)] == p + 1 -> goto deliver
    :: else
    fi;
    if :: !workerAlive -> goto recover :: else fi;
    skip;
    d_step {
        task = 0;
        do :: task < T && row[task] != PENDING -> task++ :: else -> break od;
        skip
    }
    if
    :: task < T && next - oldest < N -> goto offer
    :: p < next && revokes < REVOKES -> goto revoke
    :: else -> goto rest
    fi;
offer:
    row[task] = CLAIMED;
    LEADER_MAY_DIE;
#ifdef BROKEN_ORDER
    control[SLOT(next)] = CONTROL(next, OFFERED);
    LEADER_MAY_DIE;
    request[SLOT(next)] = task;
#else
    request[SLOT(next)] = task;
    LEADER_MAY_DIE;
    control[SLOT(next)] = CONTROL(next, OFFERED);
#endif
    ledger[SLOT(next)] = OFFERED; next++;
    LEADER_MAY_DIE;
    WAKE_WORKER;
    goto work;
revoke:
    p = next - 1;
    atomic {
        revokes++;
        if
        :: ledger[SLOT(p)] == OFFERED && control[SLOT(p)] == CONTROL(p, OFFERED) ->
            control[SLOT(p)] = CONTROL(p, REVOKED); ledger[SLOT(p)] = REVOKED
        :: else -> goto rest
        fi
    }
    LEADER_MAY_DIE;
    row[request[SLOT(p)]] = PENDING;
    LEADER_MAY_DIE;
    goto release;
deliver:
    skip;
    d_step {
        task = request[SLOT(p)];
        assert(result[SLOT(p)] == task + 100)
    }
    LEADER_MAY_DIE;
#ifdef BROKEN_FREE
    control[SLOT(p)] = CONTROL(p + N, FREE);
    LEADER_MAY_DIE;
#endif
    /* Idempotent for the same fence: a successor may see a stored result again. */
    d_step {
        if :: row[task] != FINISHED -> row[task] = FINISHED; finished[task]++ :: else fi;
        assert(finished[task] == 1)
    }
    LEADER_MAY_DIE;
release:
    control[SLOT(p)] = CONTROL(p + N, FREE);
    d_step {
        ledger[SLOT(p)] = FREE;
        do :: oldest < next && ledger[SLOT(oldest)] == FREE -> oldest++ :: else -> break od;
        skip
    }
    goto work;
recover:
    /* Only now, since it is dead, is what its slots say final: a result may have come after the look at `work`. */
    if
    :: p < next && done[SLOT(p)] == p + 1 -> goto deliver
    :: else
    fi;
    do
    :: p < next ->
        if
        :: ledger[SLOT(p)] == OFFERED ->
            assert(done[SLOT(p)] != p + 1);
            LEADER_MAY_DIE;
            control[SLOT(p)] = CONTROL(p, REVOKED);
            LEADER_MAY_DIE;
            row[request[SLOT(p)]] = PENDING;
            LEADER_MAY_DIE;
            control[SLOT(p)] = CONTROL(p + N, FREE);
            ledger[SLOT(p)] = FREE
        :: else
        fi;
        p++
    :: else -> break
    od;
    skip;
    d_step {
        do :: oldest < next && ledger[SLOT(oldest)] == FREE -> oldest++ :: else -> break od;
        workerSleeps = false
    }
    LEADER_MAY_DIE;
    workerAlive = true;
    goto work;
rest:
    skip;
    d_step {
        task = 0;
        do :: task < T && row[task] == FINISHED -> task++ :: else -> break od;
        skip
    }
    if :: task == T -> goto finish :: else fi;
    leaderSleeps = true;
    LEADER_MAY_DIE;
    skip;
    d_step {
        p = oldest;
        do :: p < next && ledger[SLOT(p)] != OFFERED -> p++ :: else -> break od;
        skip
    }
    if
    :: !workerAlive || (p < next && done[SLOT(p)] == p + 1) -> leaderSleeps = false; goto work
    :: else
    fi;
    if
    :: !leaderSleeps -> goto work
    :: leaderDeaths < LEADER_DEATHS -> leaderDeaths++; goto died
    fi;
died:
    leaderSleeps = false;
    goto adopt;
finish:
    over = true;
    WAKE_WORKER;
    skip;
    d_step {
        i = 0;
        do :: i < T -> assert(row[i] == FINISHED && finished[i] == 1); i++ :: else -> break od;
        skip
    }
}
