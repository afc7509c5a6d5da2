#include "opener/opener_touch.h"

/* Files that are made under a lock which the process may hold while it waits for somebody. */
#define LOCKING_FILES (OPENER_STAT | OPENER_MAPS | OPENER_COMMAND)

bool opener_touch_shares(const struct opener_touch *a, const struct opener_touch *b)
{
	return (a->device != 0 && a->device == b->device) || (a->walk != 0 && a->walk == b->walk) ||
	       (a->pid != 0 && a->pid == b->pid);
}

struct opener_touch opener_touch_of(const struct opener_request *request)
{
	uint64_t device = request->device != 0 ? request->device : OPENER_TOUCH_UNKNOWN;

	switch (request->op) {
	case OPENER_OPEN_IN_ROOT:
		return (struct opener_touch){.walk = device};
	case OPENER_READ_OBJECT:
		return (struct opener_touch){.device = device};
	case OPENER_OPEN_MAPPED:
		return (struct opener_touch){.device = request->device,
					     .pid = (uint64_t)request->pid};
	case OPENER_READ_PROC:
		return (struct opener_touch){
			.walk = request->files & OPENER_COMMAND ? OPENER_TOUCH_COMMANDS : 0,
			.pid = request->files & LOCKING_FILES ? (uint64_t)request->pid : 0};
	case OPENER_LIST_PROC:
		return (struct opener_touch){0};
	case OPENER_OPEN_ROOT:
		break;
	}
	return (struct opener_touch){.pid = (uint64_t)request->pid};
}

/* In place of an entry that shares with it, else of an empty one, else of the one over first. */
static void add(struct opener_refused *refused, struct opener_touch touch, uint64_t until_ns)
{
	size_t place = 0;

	for (size_t i = 0; i < OPENER_REFUSED_MAX; i++) {
		if (opener_touch_shares(&refused->entries[i].touch, &touch)) {
			place = i;
			break;
		}
		if (refused->entries[i].until_ns < refused->entries[place].until_ns)
			place = i;
	}
	refused->entries[place].touch = touch;
	refused->entries[place].until_ns = until_ns;
}

/*
 * The command lines of all wait as long as the helper that hung on one, and no longer.
 *
 * Before a helper announces a device it has asked nothing of OPEN_MAPPED's file: then it hangs on
 * the process, and for that no entry is needed, its own job goes on standing in the way.
 */
void opener_refused_add(struct opener_refused *refused, enum opener_op op,
			const struct opener_touch *touch, uint64_t announced, uint64_t now_ns)
{
	uint64_t until_ns = now_ns + OPENER_DEVICE_REFUSED_NS;
	uint64_t given = touch->device;

	if (announced != 0)
		add(refused, (struct opener_touch){.device = announced}, until_ns);
	if (given != 0 && given != OPENER_TOUCH_UNKNOWN &&
	    (announced != 0 || op == OPENER_READ_OBJECT))
		add(refused, (struct opener_touch){.device = given}, until_ns);
	if (touch->walk != 0 && touch->walk < OPENER_TOUCH_COMMANDS)
		add(refused, (struct opener_touch){.walk = touch->walk}, until_ns);
}

bool opener_refused_has(const struct opener_refused *refused, const struct opener_touch *touch)
{
	for (size_t i = 0; i < OPENER_REFUSED_MAX; i++)
		if (refused->entries[i].until_ns != 0 &&
		    opener_touch_shares(&refused->entries[i].touch, touch))
			return true;
	return false;
}

uint64_t opener_refused_expire(struct opener_refused *refused, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < OPENER_REFUSED_MAX; i++) {
		uint64_t until_ns = refused->entries[i].until_ns;

		if (until_ns <= now_ns) {
			refused->entries[i].touch = (struct opener_touch){0};
			refused->entries[i].until_ns = 0;
		} else if (until_ns < next_ns) {
			next_ns = until_ns;
		}
	}
	return next_ns;
}
