#pragma once
/*
 * A pod or a node of a Kubernetes API, from its JSON to the labels of its targets: pure.
 *
 * An object is one block of memory, immutable: its key, then groups of labels. The first group is
 * what all its targets have, each further one is what one target has beside. A node has one group.
 *
 * Whoever creates a pod chooses its labels, ports and images. What of them is out of bounds is left
 * out and counted, so that no pod costs the others their targets; what no API server would say is
 * malformed.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "config/source.h"

#define KUBERNETES_OBJECT_BYTES_MAX  ((size_t)1 << 20)
#define KUBERNETES_LABEL_BYTES_MAX   ((size_t)64 << 10)
#define KUBERNETES_NAME_BYTES_MAX    ((size_t)512) /* of a namespace, a name, a label's key */
#define KUBERNETES_LABELS_MAX        1024u         /* that targets have in common */
#define KUBERNETES_TARGET_LABELS_MAX 8u            /* that one target has beside those */
#define KUBERNETES_CONTAINERS_MAX    256u
#define KUBERNETES_FIELDS_MAX        8192u /* of all targets of one pod, common labels included */

struct json_t;

enum kubernetes_kind { KUBERNETES_POD, KUBERNETES_NODE };

enum kubernetes_outcome {
	KUBERNETES_MALFORMED = 1, /* not what the API says */
	KUBERNETES_TOO_BIG,       /* more than a set of objects, or a list of targets, may have */
};

struct kubernetes_object {
	const char *node;   /* of a pod: where it runs; "" when nowhere */
	const char *groups; /* for kubernetes_label_next() */
	size_t n_targets;
	size_t n_common; /* labels of the first group */
	size_t n_labels; /* of all groups */
	size_t n_left_out;
	size_t n_bytes; /* of text */
	char text[];    /* "namespace/name" of a pod, the name of a node; the rest */
};

/*
 * Reads @json (borrowed for the call).
 *   @ret_object  set on 0 only; owned: free()
 *   @why         what is wrong, for people: appended to when an outcome is returned
 * Returns 0, -ENOMEM or KUBERNETES_MALFORMED.
 */
int kubernetes_object_read(const struct json_t *json, enum kubernetes_kind kind,
			   struct kubernetes_object **ret_object,
			   struct bytes *why) warn_unused_result;

/*
 * The key alone, into @key, which is emptied first; with a NUL. Returns 0, -ENOMEM or
 * KUBERNETES_MALFORMED.
 */
int kubernetes_object_read_key(const struct json_t *json, enum kubernetes_kind kind,
			       struct bytes *key, struct bytes *why) warn_unused_result;

struct kubernetes_label {
	struct config_text key; /* both have a NUL behind them */
	struct config_text value;
};

/*
 * Takes the next label at *@at, which goes on behind it. Returns false at the end of a group, with
 * *@at at the next one.
 */
bool kubernetes_label_next(const char **at, struct kubernetes_label *ret_label);

bool kubernetes_object_equals(const struct kubernetes_object *a, const struct kubernetes_object *b);
