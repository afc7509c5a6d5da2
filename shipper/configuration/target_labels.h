#pragma once
/*
 * What a target of `targets` stands for: the process or container that it identifies, and the
 * labels that its profiles carry.
 *
 * Both follow Alloy's component. Identification, first usable wins: __process_pid__,
 * __container_id__, __meta_kubernetes_pod_container_id (without the runtime's prefix; a foreign
 * prefix identifies nothing), __meta_docker_container_id, __meta_dockerswarm_task_container_id.
 * Labels that begin with __ stay here, but for __name__. Of the options that a target may set for
 * itself (__meta_pyroscope_ebpf_options_…), demangle and collect_kernel mean something here; the
 * others are taken and have no effect.
 */
#include "config/arena.h"
#include "config/value.h"
#include "wire/wire.h"

#define TARGET_KEY_BYTES_MAX  255u
#define TARGET_LABELS_MAX     (LABELS_MAX - 2) /* two may be needed for the way: routes.h */
#define LABEL_NAME_BYTES_MAX  1024u            /* as the server has it */
#define LABEL_VALUE_BYTES_MAX 2048u
#define LABELS_USUAL_MAX      30u /* of a series, unless a server was told otherwise */

enum target_labels_outcome {
	TARGET_LABELS_UNIDENTIFIED = 1, /* no label says which process or container it is */
	TARGET_LABELS_TOO_MUCH,         /* a container id that is too long, or too many labels */
};

/* Why a server would refuse a label, and with it the whole profile. */
enum label_flaw {
	LABEL_FLAW_NAME,   /* it is not [a-zA-Z_][a-zA-Z0-9_]* */
	LABEL_FLAW_TEXT,   /* the value is not UTF-8 */
	LABEL_FLAW_LENGTH, /* of the name or the value */
	N_LABEL_FLAWS,
};

/* A word for metrics and logs. Static. */
const char *label_flaw_name(enum label_flaw flaw);

/* What was left out of a target's labels, and how many stay. */
struct label_flaws {
	size_t n[N_LABEL_FLAWS];
	struct config_text first; /* the name of one of them, borrowed from the labels */
	enum label_flaw first_flaw;
	size_t n_kept;
};

/* What a target has that does not say otherwise. */
struct target_defaults {
	bool is_default; /* it is for whatever matches no target: nothing need identify it */
	enum demangle_mode demangle;
	bool collect_kernel;
};

/*
 * Makes the rule of one target. @labels has text values only. Dots in names become underscores, as
 * at the server; a label that a server would refuse is left out, and a service name like that is
 * inferred anew.
 *   @arena      holds what the rule points to
 *   @ret_flaws  set on 0 only
 * Returns 0, a negative error of the arena, or an enum target_labels_outcome.
 */
int target_labels_make(const struct config_object *labels, const struct target_defaults *defaults,
		       struct config_arena *arena, struct wire_target_rule *ret_rule,
		       struct label_flaws *ret_flaws) warn_unused_result;

bool label_name_is_valid(struct config_text name);
