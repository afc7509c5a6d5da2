#include "frame_names.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "display_name.h"

static size_t slots_for(size_t n)
{
	size_t n_slots = 64;

	while (n_slots < 2 * n)
		n_slots *= 2;
	return n_slots;
}

int frame_names_init(struct frames *frames)
{
	struct slab *slab = &frames->slab;

	frames->seed = hash_new_seed();
	frames->n_slots = slots_for(frames->n_names_max);
	frames->n_function_slots = slots_for(frames->n_functions_max);
	frames->names = slab_take(slab, frames->n_names_max, sizeof(*frames->names));
	frames->shown = slab_take(slab, frames->n_names_max, sizeof(*frames->shown));
	frames->slots = slab_take(slab, frames->n_slots, sizeof(*frames->slots));
	frames->functions = slab_take(slab, frames->n_functions_max, sizeof(*frames->functions));
	frames->function_slots =
		slab_take(slab, frames->n_function_slots, sizeof(*frames->function_slots));
	return frames->names && frames->shown && frames->slots && frames->functions &&
			       frames->function_slots
		       ? 0
		       : -ENOMEM;
}

static size_t slot_of(const struct frames *frames, const char *text, size_t n_bytes)
{
	size_t slot = hash_bytes(frames->seed, text, n_bytes) & (frames->n_slots - 1);

	while (frames->slots[slot] != 0) {
		const struct frame_name *name = &frames->names[frames->slots[slot] - 1];

		if (name->n_bytes == n_bytes && memcmp(name->text, text, n_bytes) == 0)
			break;
		slot = (slot + 1) & (frames->n_slots - 1);
	}
	return slot;
}

/* The name that @raw is shown as. */
static int add(struct frames *frames, struct demangler *demangler, struct wire_bytes raw,
	       uint32_t *ret_name)
{
	size_t n_left = frames->names_bytes_max - frames->n_names_bytes;
	size_t shown_max = demangler ? DISPLAY_NAME_BYTES_MAX : display_name_bytes_max(raw.n_bytes);
	char shown[DISPLAY_NAME_BYTES_MAX];
	size_t n_shown, slot;
	char *kept;

	if (shown_max > n_left) /* short names are still told apart, mostly */
		shown_max = FRAMES_SHORT_NAME_BYTES;
	n_shown = display_name(demangler, raw, shown, shown_max);
	slot = slot_of(frames, shown, n_shown);
	if (frames->slots[slot] != 0) {
		*ret_name = frames->slots[slot] - 1;
		return 0;
	}
	kept = slab_take(&frames->slab, n_shown + 1, 1);
	if (!kept || frames->n_names == frames->n_names_max)
		return -ENOMEM;
	memcpy(kept, shown, n_shown);
	frames->n_names_bytes += n_shown < n_left ? n_shown : n_left;
	frames->names[frames->n_names] = (struct frame_name){kept, n_shown};
	*ret_name = (uint32_t)frames->n_names++;
	frames->slots[slot] = (uint32_t)frames->n_names;
	return 0;
}

int frame_names_add(struct frames *frames, struct wire_bytes text, uint32_t *ret_name)
{
	return add(frames, NULL, text, ret_name);
}

/* The name that @raw, kept as @name, is shown as. What was cut does not say which name it was. */
static int add_shown(struct frames *frames, struct demangler *demangler, struct wire_bytes raw,
		     uint32_t name, uint32_t *ret_shown)
{
	bool is_whole = frames->names[name].n_bytes == raw.n_bytes;
	int r;

	if (!demangler) {
		*ret_shown = name;
		return 0;
	}
	if (is_whole && frames->shown[name] != 0) {
		*ret_shown = frames->shown[name] - 1;
		return 0;
	}
	r = add(frames, demangler, raw, ret_shown);
	if (r == 0 && is_whole)
		frames->shown[name] = *ret_shown + 1;
	return r;
}

static int add_function(struct frames *frames, const struct frame_function *function,
			uint32_t *ret_function)
{
	size_t slot = hash_bytes(frames->seed, function, sizeof(*function)) &
		      (frames->n_function_slots - 1);

	while (frames->function_slots[slot] != 0) {
		*ret_function = frames->function_slots[slot] - 1;
		if (memcmp(&frames->functions[*ret_function], function, sizeof(*function)) == 0)
			return 0;
		slot = (slot + 1) & (frames->n_function_slots - 1);
	}
	if (frames->n_functions == frames->n_functions_max)
		return -ENOMEM;
	*ret_function = (uint32_t)frames->n_functions;
	frames->functions[frames->n_functions++] = *function;
	frames->function_slots[slot] = (uint32_t)frames->n_functions;
	return 0;
}

int frame_names_function(struct frames *frames, struct demangler *demangler,
			 const struct frame_symbol *symbol, uint32_t *ret_function)
{
	struct frame_function function = {
		.file = FRAMES_NO_NAME,
		.start_line = symbol->start_line,
	};
	int r = 0;

	if (frames->names_bytes_max == 0) { /* as little as can be */
		r = add(frames, demangler, symbol->raw, &function.name);
		function.raw = function.name;
		return r < 0 ? r : add_function(frames, &function, ret_function);
	}
	r = add(frames, NULL, symbol->raw, &function.raw);
	if (r == 0)
		r = add_shown(frames, demangler, symbol->raw, function.raw, &function.name);
	if (r == 0 && symbol->file.n_bytes > 0)
		r = add(frames, NULL, symbol->file, &function.file);
	return r < 0 ? r : add_function(frames, &function, ret_function);
}

int frames_plain_function(struct frames *frames, const char *text, size_t n_bytes,
			  uint32_t *ret_function)
{
	const struct frame_symbol symbol = {.raw = {text, n_bytes}};

	return frame_names_function(frames, NULL, &symbol, ret_function);
}
