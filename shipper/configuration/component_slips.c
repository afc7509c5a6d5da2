/*
 * Slips of the page that people copy from. One is the variable "<HOSTNAME>", which sys.env() itself
 * warns of; the other a label that pods do not have, unless the metadata of their nodes is
 * attached.
 */
#include "configuration/components.h"

#define SLIP  "__meta_kubernetes_node_name"
#define MEANT "__meta_kubernetes_pod_node_name"

static bool has_block(const struct config_body *body, const char *name)
{
	for (const struct config_block *i = body->blocks; i; i = i->next)
		if (config_text_equals(i->name, name) || has_block(&i->body, name))
			return true;
	return false;
}

/* The element of the list @value that is the string @text; NULL when there is none. */
static const struct config_expression *find_element(const struct config_expression *value,
						    const char *text)
{
	const struct config_expression *i = value->kind == CONFIG_LIST ? value->list.items : NULL;

	while (i && (i->kind != CONFIG_LITERAL || i->literal.type != CONFIG_STRING ||
		     !config_text_equals(i->literal.text, text)))
		i = i->next;
	return i;
}

static void warn(struct component_loading *loading, const struct config_body *body)
{
	const struct config_expression *slip;

	for (const struct config_block *i = body->blocks; i; i = i->next)
		warn(loading, &i->body);
	for (const struct config_attribute *i = body->attributes; i; i = i->next) {
		if (!config_text_equals(i->name, "source_labels"))
			continue;
		slip = find_element(i->value, SLIP);
		if (slip)
			config_warn(loading->diagnostics, slip->span,
				    SLIP
				    " is there only with attach_metadata { node = true }, did you "
				    "mean " MEANT "?");
	}
}

void component_warn_of_slips(struct component_loading *loading, const struct config_body *body)
{
	if (!has_block(body, "attach_metadata"))
		warn(loading, body);
}
