#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "discovery/kubernetes_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/json_answer.h"
#include "discovery/json_member.h"
#include "log/log.h"

#define CODE_MAX        999u
#define WORDS_BYTES_MAX 512
#define KEY_BYTES_MAX   (2 * KUBERNETES_NAME_BYTES_MAX + sizeof("/"))
#define N_EVENT_TYPES   (sizeof(type_words) / sizeof(type_words[0]))

static const char *const type_words[] = {
	[KUBERNETES_ADDED] = "ADDED",     [KUBERNETES_MODIFIED] = "MODIFIED",
	[KUBERNETES_DELETED] = "DELETED", [KUBERNETES_BOOKMARK] = "BOOKMARK",
	[KUBERNETES_ERROR] = "ERROR",
};

static int read_json(struct config_text text, json_t **ret_json, struct bytes *why)
{
	int r = json_answer_read(text.data, text.n_bytes, ret_json, why);

	return r == JSON_ANSWER_TOO_BIG ? KUBERNETES_TOO_BIG : r ? KUBERNETES_MALFORMED : 0;
}

/* The version that @meta says: a text that means something to the server only. */
static int read_version(const json_t *meta, char version[KUBERNETES_VERSION_BYTES],
			struct bytes *why)
{
	struct config_text text;

	if (json_member_text(meta, "resourceVersion", &text, why) != 0)
		return KUBERNETES_MALFORMED;
	if (text.n_bytes == 0 || text.n_bytes >= KUBERNETES_VERSION_BYTES ||
	    memchr(text.data, '\0', text.n_bytes)) {
		bytes_printf(why, "resourceVersion is none");
		return KUBERNETES_MALFORMED;
	}
	memcpy(version, text.data, text.n_bytes);
	version[text.n_bytes] = '\0';
	return 0;
}

static int read_token(const json_t *meta, struct bytes *token, struct bytes *why)
{
	struct config_text text;

	bytes_clear(token);
	if (json_member_text(meta, "continue", &text, why) != 0)
		return KUBERNETES_MALFORMED;
	if (text.n_bytes == 0)
		return 0;
	if (text.n_bytes >= KUBERNETES_CONTINUE_BYTES || memchr(text.data, '\0', text.n_bytes)) {
		bytes_printf(why, "continue has a NUL or %zu bytes", text.n_bytes);
		return KUBERNETES_MALFORMED;
	}
	bytes_append(token, text.data, text.n_bytes);
	bytes_append(token, "", 1);
	return token->error;
}

static int put_item(const json_t *item, enum kubernetes_kind kind,
		    struct kubernetes_objects *objects, struct bytes *why)
{
	struct kubernetes_object *object;
	bool has_changed;
	int r = kubernetes_object_read(item, kind, &object, why);

	if (r == 0)
		r = kubernetes_objects_put(objects, object, &has_changed);
	if (r == KUBERNETES_TOO_BIG)
		bytes_printf(why, "there are more than %u, or they have more than %zu bytes",
			     KUBERNETES_OBJECTS_MAX, KUBERNETES_SET_BYTES_MAX);
	return r;
}

/* A list says its version and has items, maybe none: what does not is something else. */
static int read_list(const json_t *json, enum kubernetes_kind kind,
		     struct kubernetes_objects *objects, struct bytes *why)
{
	json_t *items = json_object_get(json, "items"), *item;
	size_t i;
	int r;

	if (!items) {
		bytes_printf(why, "there are no items in it");
		return KUBERNETES_MALFORMED;
	}
	if (json_is_null(items))
		return 0;
	if (json_member_check(items, JSON_MEMBER_LIST, "items", why) != 0)
		return KUBERNETES_MALFORMED;
	json_array_foreach(items, i, item)
	{
		r = put_item(item, kind, objects, why);
		if (r != 0)
			return r;
	}
	return 0;
}

static int find_metadata(const json_t *json, const char *what, json_t **ret_meta, struct bytes *why)
{
	if (json_member_check(json, JSON_MEMBER_OBJECT, what, why) != 0 ||
	    json_member_get(json, "metadata", JSON_MEMBER_OBJECT, ret_meta, why) != 0)
		return KUBERNETES_MALFORMED;
	return 0;
}

int kubernetes_page_read(struct config_text text, enum kubernetes_kind kind,
			 struct kubernetes_objects *objects, char version[KUBERNETES_VERSION_BYTES],
			 struct bytes *token, struct bytes *why)
{
	json_t *json = NULL, *meta;
	int r = read_json(text, &json, why);

	if (r == 0)
		r = find_metadata(json, "the list", &meta, why);
	if (r == 0)
		r = read_version(meta, version, why);
	if (r == 0)
		r = read_token(meta, token, why);
	if (r == 0)
		r = read_list(json, kind, objects, why);
	json_decref(json);
	return r;
}

static int read_type(const json_t *json, enum kubernetes_event_type *ret_type, struct bytes *why)
{
	struct config_text word;

	if (json_member_check(json, JSON_MEMBER_OBJECT, "an event", why) != 0 ||
	    json_member_text(json, "type", &word, why) != 0)
		return KUBERNETES_MALFORMED;
	for (size_t i = 0; i < N_EVENT_TYPES; i++)
		if (config_text_equals(word, type_words[i])) {
			*ret_type = (enum kubernetes_event_type)i;
			return 0;
		}
	bytes_printf(why, "an event has the type %s", log_quote(word.data, word.n_bytes).text);
	return KUBERNETES_MALFORMED;
}

static void print_message(const json_t *status, struct bytes *out)
{
	const json_t *message = json_object_get(status, "message");

	if (json_is_string(message))
		bytes_printf(
			out, ": %s",
			log_quote(json_string_value(message), json_string_length(message)).text);
}

static int read_error(const json_t *status, struct kubernetes_event *event, struct bytes *why)
{
	struct bytes ignored = BYTES_INIT(WORDS_BYTES_MAX);

	if (json_member_count(status, "code", CODE_MAX, &event->code, &ignored) != 0)
		event->code = 0;
	bytes_deinit(&ignored);
	print_message(status, why);
	return 0;
}

static int read_object(const json_t *json, enum kubernetes_kind kind,
		       struct kubernetes_event *event, struct bytes *why)
{
	json_t *object, *meta;
	int r = json_member_get(json, "object", JSON_MEMBER_OBJECT, &object, why);

	if (r == 0 && !object) {
		bytes_printf(why, "an event has no object");
		r = KUBERNETES_MALFORMED;
	}
	if (r != 0)
		return KUBERNETES_MALFORMED;
	if (event->type == KUBERNETES_ERROR)
		return read_error(object, event, why);
	r = find_metadata(object, "an object", &meta, why);
	if (r == 0)
		r = read_version(meta, event->version, why);
	if (r != 0 || event->type == KUBERNETES_BOOKMARK)
		return r;
	if (event->type == KUBERNETES_DELETED)
		return kubernetes_object_read_key(object, kind, &event->key, why);
	return kubernetes_object_read(object, kind, &event->object, why);
}

int kubernetes_event_read(struct config_text line, enum kubernetes_kind kind,
			  struct kubernetes_event *ret_event, struct bytes *why)
{
	struct kubernetes_event event = {.key = BYTES_INIT(KEY_BYTES_MAX)};
	json_t *json = NULL;
	int r = read_json(line, &json, why);

	if (r == 0)
		r = read_type(json, &event.type, why);
	if (r == 0)
		r = read_object(json, kind, &event, why);
	json_decref(json);
	if (r == 0)
		*ret_event = event;
	else
		kubernetes_event_deinit(&event);
	return r;
}

void kubernetes_event_deinit(struct kubernetes_event *event)
{
	free(event->object);
	bytes_deinit(&event->key);
	event->object = NULL;
}

void kubernetes_words_print(struct config_text text, struct bytes *out)
{
	struct bytes ignored = BYTES_INIT(WORDS_BYTES_MAX);
	json_t *json = NULL;

	if (json_answer_read(text.data, text.n_bytes, &json, &ignored) == 0)
		print_message(json, out);
	json_decref(json);
	bytes_deinit(&ignored);
}
