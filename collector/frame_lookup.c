#include "frame_lookup.h"

bool frame_lookup_knows_leaf(const struct process *process, const struct stack_record *record)
{
	const uint64_t word = record->head.n_user > 0 ? record->frames[record->head.n_kernel] : 0;

	return record->head.n_user == 0 || word >> FRAME_KIND_SHIFT != FRAME_KIND_USER ||
	       mappings_find(&process->mappings, (struct proc_addr){word});
}

static void look_up_user(struct objects *objects, const struct process *process, uint64_t word,
			 struct window_frame *frame)
{
	const struct proc_addr addr = {word};
	struct mapping *mapping = mappings_find(&process->mappings, addr);

	*frame = (struct window_frame){.kind = FRAME_KIND_USER, .value = word};
	if (!mapping || (mapping->is_opening && !mapping->object))
		return;
	if (!mapping->object) /* nothing is being read: it will not get a better one */
		mapping->object =
			objects_nameless(objects, mapping_name(&process->mappings, mapping));
	frame->object = mapping->object;
	if (mapping->object->kind != OBJECT_CODE)
		frame->value = mapping_file_off(mapping, addr).v;
}

void frame_lookup(struct objects *objects, const struct process *process,
		  const struct stack_record *record, struct window_frame *ret_frames)
{
	const size_t n_frames = (size_t)record->head.n_kernel + record->head.n_user;

	for (size_t i = 0; i < n_frames; i++) {
		uint64_t word = record->frames[i];
		struct window_frame *frame = &ret_frames[i];

		frame->kind = (uint8_t)(word >> FRAME_KIND_SHIFT);
		frame->value = word;
		frame->object = NULL;
		/* What a process has on its stack must not be taken for a function of the kernel.
		 */
		if (frame->kind == FRAME_KIND_KERNEL && i >= record->head.n_kernel)
			frame->kind = FRAME_KIND_USER;
		if (frame->kind == FRAME_KIND_USER)
			look_up_user(objects, process, word, frame);
		else if (frame->kind == FRAME_KIND_KERNEL)
			frame->object = objects_kallsyms(objects);
	}
}
