/* The lane: how a task travels from the leader to one seat of a worker process and its result comes back.
 *
 * One seat (a thread of a worker) has one lane: a power-of-two ring of slots in a shared segment, written by the leader
 * and that one seat only. There is no head or tail in shared memory. Positions are numbered 0, 1, 2 … ; position p lives
 * in slot p mod N with generation p div N, and both sides keep a private cursor that they rebuild from the slots.
 *
 * A slot's control word (generation << 3 | state) is sequence number and ownership record at once:
 *
 *      FREE --offer--> OFFERED --take--> RUNNING --complete--> (DONE) --free--> FREE of generation + 1
 *                         |                 |
 *                         +---- revoke -----+-- abandon (only after the worker is dead) --> REVOKED --free--> FREE + 1
 *
 * DONE is a second word, in a line that only the seat writes: `done` holds the number of the newest result in the slot.
 * The leader waits on that word and not on the control word, so that its looking never takes a line away from a seat that
 * is about to write it.
 *
 * WHO WRITES WHAT, IN WHICH ORDER
 *   control    FREE -> OFFERED   leader, release store, after every other field of the slot and its payload
 *              OFFERED -> RUNNING  seat, compare-and-swap (acquire): the only step on which both sides may meet
 *              OFFERED -> REVOKED  leader, compare-and-swap (acquire)
 *              RUNNING, REVOKED -> FREE + 1  leader, release store, after Postgres has the result
 *   done       position + 1   seat, release store, after result, outcome and the result's bytes
 *   task, token, attempt, deadline, request     leader, while FREE
 *   result, outcome                             seat, while RUNNING
 *   body       leader while FREE, seat while RUNNING (if the request lies in the arena, bytes 0-31 stay the request's
 *              descriptor until the slot is free, so that a successor can rebuild the arena's cursors)
 *   watch line 0 (cancel, deadline)  leader at any time, tagged with the generation it is meant for
 *   watch lines 1-4 (progress)       seat while RUNNING, a sequence lock of relaxed words
 *   request arena                    leader; a stretch is free again when its slot is
 *   result arena                     seat; a stretch is free again when the leader freed its slot
 *   sleeping (lane)                  seat sets 1 before it sleeps; whoever swaps it to 0 owes the wake-up
 *   sleeping (segment)               leader sets 1 before epoll_wait; whoever swaps it to 0 owes a byte in the bell
 *
 * WHEN A SIDE DIES
 *   Every step is one store or one compare-and-swap, so a death leaves each slot in exactly one state:
 *   the seat dies: OFFERED was not begun, RUNNING was begun and is lost unless `done` says that its result is whole. The leader alone walks
 *   that lane; other lanes have nothing to do with it.
 *   the leader dies: what it was writing is still FREE, hence not offered. Seats go on; finished results wait as DONE.
 *   A successor maps the segment, takes the next term, rebuilds cursors, wakes every sleeper once (its predecessor may
 *   have died between the swap of `sleeping` and the wake-up) and goes on.
 *
 * Nothing read from the segment is believed: lengths and offsets are copied, bounds-checked and check-summed before use.
 */
#pragma once
#include "lane_layout.h"
#include "lane_arena.h"
#include "lane_sleep.h"
#include "lane_leader.h"
#include "lane_seat.h"
#include "lane_segment.h"
