#include "link/refusals.h"

bool refusals_next(struct refusals *refusals, struct link_event *ret_event)
{
	for (int outcome = 0; outcome <= MESSAGE_GARBLED; outcome++) {
		if (refusals->n[outcome] == 0)
			continue;
		refusals->n[outcome]--;
		*ret_event = (struct link_event){
			.kind = LINK_REFUSED,
			.outcome = outcome,
			.uid = refusals->uid,
		};
		return true;
	}
	return false;
}
