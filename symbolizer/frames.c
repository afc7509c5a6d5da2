#include "frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demangle/demangle.h"
#include "frame_names.h"

#define SLAB_BYTES_MAX   (256u << 20)
#define EXTRA_NAMES      16u
#define EXTRA_MAPPINGS   64u /* a file has one or two executable segments; what is over has none */
#define MODULE_BYTES_MAX 4096u
#define DELETED_SUFFIX   " (deleted)"
#define NO_LOCATION      UINT32_MAX
#define UNKNOWN_NAME     "[unknown]"
#define KERNEL_NAME      "[kernel]"

/* What a pass over one object's locations has at hand. */
struct pass {
	const struct wire_window *window;
	const struct frame_sources *sources;
	struct frames *frames;
	struct demangler *demangler;      /* NULL: names are shown as they are */
	const struct wire_object *object; /* NULL: locations without one */
	const struct symbol_table *table; /* NULL: there is none */
	uint32_t module_function;         /* what stands for code without a name */
	uint32_t mappings_at;             /* first mapping of this object */
	bool lacks_kernel_name;
};

bool frames_is_caller(const struct wire_window *window, const struct wire_stack *stack, uint32_t i)
{
	const struct wire_location *locations = window->locations;

	return i > 0 &&
	       locations[stack->locations[i]].kind == locations[stack->locations[i - 1]].kind;
}

static int frames_literal(struct frames *frames, const char *text, uint32_t *ret_function)
{
	return frames_plain_function(frames, text, strlen(text), ret_function);
}

/* A name as maps printed it, without the mark of a deleted file. */
static struct wire_bytes module_of(const struct wire_object *object)
{
	struct wire_bytes name = object->name;
	const size_t n_suffix = strlen(DELETED_SUFFIX);

	if (name.n_bytes > MODULE_BYTES_MAX)
		name.n_bytes = MODULE_BYTES_MAX;
	if (name.n_bytes > n_suffix && memcmp((const char *)name.data + name.n_bytes - n_suffix,
					      DELETED_SUFFIX, n_suffix) == 0)
		name.n_bytes -= n_suffix;
	return name;
}

static int name_module(struct frames *frames, const struct wire_object *object,
		       uint32_t *ret_function)
{
	struct wire_bytes module;

	if (!object || object->name.n_bytes == 0)
		return frames_literal(frames, UNKNOWN_NAME, ret_function);
	if (object->kind == OBJECT_KALLSYMS)
		return frames_literal(frames, KERNEL_NAME, ret_function);
	module = module_of(object);
	return frames_plain_function(frames, module.data, module.n_bytes, ret_function);
}

/* The mapping of this pass's object that @segment is; NULL stands for the object as a whole. */
static uint32_t find_mapping(const struct pass *pass, const struct symbol_segment *segment)
{
	struct frames *frames = pass->frames;
	struct frame_mapping mapping = {
		.name = frames->functions[pass->module_function].name,
	};

	if (segment) {
		mapping.start = segment->vaddr;
		mapping.limit = segment->vaddr + segment->memory_bytes;
		mapping.offset = segment->offset;
		mapping.build_id = pass->table->build_id;
	} else if (pass->object->kind == OBJECT_FILE) {
		mapping.limit = pass->object->size_bytes;
	}
	for (size_t i = pass->mappings_at; i < frames->n_mappings; i++)
		if (frames->mappings[i].start == mapping.start &&
		    frames->mappings[i].limit == mapping.limit &&
		    frames->mappings[i].offset == mapping.offset)
			return (uint32_t)i;
	if (frames->n_mappings == frames->n_mappings_max)
		return FRAMES_NO_MAPPING;
	frames->mappings[frames->n_mappings] = mapping;
	return (uint32_t)frames->n_mappings++;
}

/* The base name of the module and @offset in it. */
static int name_offset(struct pass *pass, uint64_t offset, uint32_t *ret_function)
{
	struct wire_bytes module = module_of(pass->object);
	const char *base = memrchr(module.data, '/', module.n_bytes);
	char text[FRAMES_SHORT_NAME_BYTES * 4];
	size_t n_base;
	int n;

	base = base ? base + 1 : module.data;
	n_base = module.n_bytes - (size_t)(base - (const char *)module.data);
	n = snprintf(text, sizeof(text), "%.*s+0x%llx",
		     (int)(n_base < sizeof(text) - 32 ? n_base : sizeof(text) - 32), base,
		     (unsigned long long)offset);
	return frames_plain_function(pass->frames, text, (size_t)n, ret_function);
}

static int name_symbol(struct pass *pass, struct elf_addr addr, struct frame *frame)
{
	struct frame_symbol symbol = {0};
	struct symbol_found found;
	struct symbol_line line;

	if (!pass->table || !symbol_table_find(pass->table, addr, &found))
		return 0;
	if (found.n_name_bytes == 0) /* only where the function is, not what it is called */
		return name_offset(pass, found.start.v, &frame->function);
	frame->outcome = FRAME_NAMED;
	symbol.raw = (struct wire_bytes){found.name, found.n_name_bytes};
	if (symbol_table_line(pass->table, addr, &line)) {
		symbol.file = (struct wire_bytes){line.file, line.n_file_bytes};
		symbol.start_line = line.start_line;
		frame->line = line.line;
		if (frame->mapping != FRAMES_NO_MAPPING)
			pass->frames->mappings[frame->mapping].has_lines = true;
	}
	return frame_names_function(pass->frames, pass->demangler, &symbol, &frame->function);
}

static int resolve_in_file(struct pass *pass, uint64_t offset, bool is_caller, struct frame *frame)
{
	uint64_t back = is_caller && offset > 0 ? 1 : 0;
	const struct symbol_segment *segment = NULL;
	struct elf_addr addr = {offset};

	if (pass->table)
		segment =
			symbol_table_address(pass->table, (struct file_off){offset - back}, &addr);
	frame->mapping = find_mapping(pass, segment);
	frame->address = segment ? addr.v + back : offset;
	return segment ? name_symbol(pass, addr, frame) : 0;
}

/* A window that killed two workers: nothing of its files is looked at. */
static int resolve_as_offset(struct pass *pass, uint64_t offset, struct frame *frame)
{
	frame->address = offset;
	frame->mapping = find_mapping(pass, NULL);
	return name_offset(pass, offset, &frame->function);
}

/*
 * An address that the kernel's symbols do not name is most often no code at all, but what a walk
 * took for a return address: such frames are one place, not as many as there are values.
 */
static int resolve_in_kernel(struct pass *pass, uint64_t address, bool is_caller,
			     struct frame *frame)
{
	int r = name_symbol(pass, (struct elf_addr){address - (is_caller ? 1 : 0)}, frame);

	pass->lacks_kernel_name = pass->lacks_kernel_name || frame->outcome != FRAME_NAMED;
	frame->mapping = find_mapping(pass, NULL);
	frame->address = frame->outcome == FRAME_NAMED ? address : 0;
	return r;
}

/* Code without a file: its addresses say nothing outside the process. */
static int resolve_in_memory(struct pass *pass, uint64_t address, bool is_caller,
			     struct frame *frame)
{
	uint64_t back = is_caller && address > 0 ? 1 : 0;

	frame->mapping = find_mapping(pass, NULL);
	return name_symbol(pass, (struct elf_addr){address - back}, frame);
}

static int resolve(struct pass *pass, const struct wire_location *location, bool is_caller,
		   struct frame *frame)
{
	*frame = (struct frame){
		.function = pass->module_function,
		.mapping = FRAMES_NO_MAPPING,
		.outcome = FRAME_UNKNOWN,
		.is_resolved = true,
	};
	if (location->kind != FRAME_USER && location->kind != FRAME_KERNEL)
		return frames_literal(pass->frames, UNKNOWN_NAME, &frame->function);
	if (!pass->object)
		return location->kind == FRAME_KERNEL
			       ? frames_literal(pass->frames, KERNEL_NAME, &frame->function)
			       : 0;
	frame->outcome = FRAME_MODULE_ONLY;
	if (pass->object->kind == OBJECT_KALLSYMS)
		return resolve_in_kernel(pass, location->value, is_caller, frame);
	if (pass->object->kind != OBJECT_FILE)
		return resolve_in_memory(pass, location->value, is_caller, frame);
	if (pass->window->name_nothing)
		return resolve_as_offset(pass, location->value, frame);
	return resolve_in_file(pass, location->value, is_caller, frame);
}

/*
 * Gets the table of the pass's object, where it has one. Outcomes were counted by the sources;
 * without memory for names there are none, for the samples matter more.
 */
static int find_table(struct pass *pass)
{
	int r = 0;

	pass->table = NULL;
	if (!pass->object)
		return 0;
	if (pass->object->kind == OBJECT_KALLSYMS)
		r = kernel_symbols_get(pass->sources->kernel, pass->object, &pass->sources->reader,
				       &pass->table);
	else if (pass->object->kind == OBJECT_FILE && !pass->window->name_nothing)
		r = table_cache_get(pass->sources->tables, pass->object, &pass->sources->reader,
				    &pass->table);
	else if (pass->object->kind == OBJECT_CODE && !pass->window->name_nothing)
		r = table_cache_get_process(pass->sources->tables, pass->object,
					    &pass->sources->reader, &pass->table);
	return r < 0 && r != -ENOMEM ? r : 0;
}

/*
 * Code came to the kernel since the copy was made: reading its first byte asks for a newer one,
 * which later windows will name; whether there is one is the collector's to say.
 */
static void ask_for_newer_kallsyms(const struct pass *pass)
{
	const struct object_reader *reader = &pass->sources->reader;
	struct wire_bytes first;

	(void)!reader->fetch(reader->owner, pass->object->id, (struct file_off){0}, 1, &first);
}

/* Names the locations of one object: a chain that begins at @first. */
static int resolve_object(struct pass *pass, uint32_t first, const uint32_t *next,
			  const uint8_t *uses)
{
	int r = name_module(pass->frames, pass->object, &pass->module_function);

	if (r == 0)
		r = find_table(pass);
	pass->mappings_at = (uint32_t)pass->frames->n_mappings;
	for (uint32_t i = first; r == 0 && i != NO_LOCATION; i = next[i])
		for (unsigned is_caller = 0; r == 0 && is_caller < 2; is_caller++)
			if (uses[i] & (1u << is_caller))
				r = resolve(pass, &pass->window->locations[i], is_caller,
					    &pass->frames->frames[2 * (size_t)i + is_caller]);
	if (pass->lacks_kernel_name && pass->table)
		ask_for_newer_kallsyms(pass);
	return r;
}

/* Notes for each location whether stacks have it as a leaf (bit 0), as a caller (bit 1). */
static void note_process(const struct wire_window *window, const struct wire_process *process,
			 uint8_t *uses)
{
	for (size_t s = 0; s < process->n_stacks; s++) {
		const struct wire_stack *stack = &process->stacks[s];

		for (uint32_t i = 0; i < stack->n_locations; i++)
			uses[stack->locations[i]] |= frames_is_caller(window, stack, i) ? 2 : 1;
	}
}

/* Returns how many frames the stacks have. */
static size_t note_uses(const struct wire_window *window, uint8_t *uses)
{
	size_t n_frames = 0;

	for (size_t t = 0; t < window->n_targets; t++)
		for (size_t p = 0; p < window->targets[t].n_processes; p++)
			note_process(window, &window->targets[t].processes[p], uses);
	for (size_t i = 0; i < window->n_locations; i++)
		n_frames += (uses[i] & 1) + (uses[i] >> 1);
	return n_frames;
}

/* Objects one after another, so that one table at a time is needed. The last chain has none. */
static int resolve_all(struct pass *pass, const uint8_t *uses, struct slab *scratch)
{
	const struct wire_window *window = pass->window;
	uint32_t *next = slab_take(scratch, window->n_locations + 1, sizeof(*next));
	uint32_t *first = slab_take(scratch, window->n_objects + 1, sizeof(*first));
	int r = 0;

	if (!next || !first)
		return -ENOMEM;
	memset(first, 0xff, (window->n_objects + 1) * sizeof(*first));
	for (size_t i = window->n_locations; i-- > 0;) {
		uint32_t object = window->locations[i].object_index;
		size_t chain = object < window->n_objects ? object : window->n_objects;

		if (!uses[i])
			continue;
		next[i] = first[chain];
		first[chain] = (uint32_t)i;
	}
	for (size_t o = 0; r == 0 && o <= window->n_objects; o++) {
		pass->object = o < window->n_objects ? &window->objects[o] : NULL;
		pass->lacks_kernel_name = false;
		if (first[o] != NO_LOCATION)
			r = resolve_object(pass, first[o], next, uses);
	}
	return r;
}

/*
 * Takes all arrays that the window's counts bound; the decoder bounded those by the frame. A frame
 * has at most three names: as it is shown, as it is written, its source file's.
 */
static int frames_init(struct frames *frames, const struct wire_window *window, size_t n_frames)
{
	size_t n_others = window->n_objects + EXTRA_NAMES;

	for (size_t t = 0; t < window->n_targets; t++)
		n_others += window->targets[t].n_processes;
	frames->n_names_max = 3 * n_frames + n_others;
	frames->n_functions_max = n_frames + n_others;
	frames->n_mappings_max = 4 * window->n_objects + EXTRA_MAPPINGS;
	frames->frames =
		slab_take(&frames->slab, 2 * window->n_locations + 1, sizeof(*frames->frames));
	frames->mappings =
		slab_take(&frames->slab, frames->n_mappings_max, sizeof(*frames->mappings));
	return frames->frames && frames->mappings ? frame_names_init(frames) : -ENOMEM;
}

/* NULL where names are shown as they are. */
static int make_demangler(const struct wire_window *window, struct demangler **ret_demangler)
{
	int r;

	if (window->demangle == DEMANGLE_NONE)
		return 0;
	r = demangler_new((enum demangle_mode)window->demangle, ret_demangler);
	if (r == 0)
		demangler_set_steps(*ret_demangler, FRAMES_DEMANGLE_STEPS);
	return r;
}

int frames_resolve(const struct wire_window *window, const struct frame_sources *sources,
		   size_t names_bytes_max, struct frames *ret_frames)
{
	cleanup_with(frames_deinit) struct frames frames = {
		.names_bytes_max = names_bytes_max,
		.slab = {.bytes_max = SLAB_BYTES_MAX},
	};
	cleanup_with(slab_deinit) struct slab scratch = {.bytes_max = SLAB_BYTES_MAX};
	cleanup_with(demangler_freep) struct demangler *demangler = NULL;
	uint8_t *uses = slab_take(&scratch, window->n_locations + 1, sizeof(*uses));
	struct pass pass = {.window = window, .sources = sources, .frames = &frames};
	int r = -ENOMEM;

	if (uses)
		r = frames_init(&frames, window, note_uses(window, uses));
	if (r == 0)
		r = make_demangler(window, &demangler);
	pass.demangler = demangler;
	if (r == 0)
		r = resolve_all(&pass, uses, &scratch);
	if (r != 0)
		return r;
	*ret_frames = frames;
	frames = (struct frames){0};
	return 0;
}

void frames_deinit(struct frames *frames)
{
	slab_deinit(&frames->slab);
	*frames = (struct frames){0};
}
