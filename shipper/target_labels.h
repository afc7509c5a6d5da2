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
#define TARGET_LABELS_MAX     (LABELS_MAX - 1) /* one may be needed for the way: routes.h */
#define LABEL_NAME_BYTES_MAX  1024u            /* as the server has it */
#define LABEL_VALUE_BYTES_MAX 2048u

enum target_labels_outcome {
	TARGET_LABELS_UNIDENTIFIED = 1, /* no label says which process or container it is */
	TARGET_LABELS_BAD_NAME,         /* a label's name is not [a-zA-Z_][a-zA-Z0-9_]* */
	TARGET_LABELS_BAD_VALUE,        /* a label's value is not UTF-8 */
	TARGET_LABELS_TOO_LONG,         /* a name, a value, a container id, or too many of them */
};

struct target_labels_error {
	struct config_text label; /* the one that is wrong; "" when it is none alone */
};

/* What a target has that does not say otherwise. */
struct target_defaults {
	bool is_default; /* it is for whatever matches no target: nothing need identify it */
	enum demangle_mode demangle;
	bool collect_kernel;
};

/*
 * Makes the rule of one target. @labels has text values only.
 *   @arena      holds what the rule points to
 *   @ret_error  set on a positive outcome only
 * Returns 0, a negative error of the arena, or an enum target_labels_outcome.
 */
int target_labels_make(const struct config_object *labels, const struct target_defaults *defaults,
		       struct config_arena *arena, struct wire_target_rule *ret_rule,
		       struct target_labels_error *ret_error) warn_unused_result;

bool label_name_is_valid(struct config_text name);
