#include "window_fixture.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PROGRAM = 1, BROKEN, KALLSYMS = 9 };

static const char kallsyms_text[] = "ffffffff81000000 T do_syscall_64\n"
				    "ffffffff81000100 T vfs_read\n"
				    "ffffffff81000200 T _etext\n";

static int fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		 struct wire_bytes *ret_bytes)
{
	struct fixture *fixture = owner;
	struct wire_bytes whole = {fixture->elf.data, fixture->elf.n_bytes};

	fixture->n_fetches++;
	if (object == BROKEN)
		whole = (struct wire_bytes){"#!/bin/sh\n", 10};
	else if (object == KALLSYMS)
		whole = (struct wire_bytes){kallsyms_text, strlen(kallsyms_text)};
	if (offset.v >= whole.n_bytes)
		return OBJECT_FETCH_REFUSED;
	if (n_bytes > whole.n_bytes - offset.v)
		n_bytes = (uint32_t)(whole.n_bytes - offset.v);
	*ret_bytes = (struct wire_bytes){(const char *)whole.data + offset.v, n_bytes};
	return 0;
}

static struct wire_bytes text(const char *chars)
{
	return (struct wire_bytes){chars, strlen(chars)};
}

static void set_objects(struct fixture *fixture)
{
	fixture->objects[0] = (struct wire_object){.id = PROGRAM,
						   .kind = OBJECT_FILE,
						   .inode = PROGRAM,
						   .size_bytes = fixture->elf.n_bytes,
						   .name = text("/opt/app/program (deleted)")};
	fixture->objects[1] = (struct wire_object){.id = BROKEN,
						   .kind = OBJECT_FILE,
						   .inode = BROKEN,
						   .size_bytes = 10,
						   .name = text("/opt/app/script.sh")};
	fixture->objects[2] = (struct wire_object){.kind = OBJECT_NAMELESS, .name = text("[vdso]")};
	fixture->objects[3] = (struct wire_object){.id = KALLSYMS,
						   .kind = OBJECT_KALLSYMS,
						   .size_bytes = strlen(kallsyms_text),
						   .change_time_ns = 1,
						   .name = text("kallsyms")};
}

static void set_locations(struct wire_location *at)
{
	const uint64_t text_at = SMALL_ELF_TEXT_OFFSET;

	at[AT_FIRST] = (struct wire_location){FRAME_USER, 0, text_at + 0x10};
	at[AT_SECOND_BEGIN] = (struct wire_location){FRAME_USER, 0, text_at + SMALL_ELF_STRIDE};
	at[AT_FIRST_END] = (struct wire_location){FRAME_USER, 0, text_at + SMALL_ELF_SIZE};
	at[AT_GAP] = (struct wire_location){FRAME_USER, 0, text_at + SMALL_ELF_SIZE + 0x10};
	at[AT_BROKEN] = (struct wire_location){FRAME_USER, 1, 0x1234};
	at[AT_VDSO] = (struct wire_location){FRAME_USER, 2, 0x7ffd00000123};
	at[AT_NOWHERE] = (struct wire_location){FRAME_USER, LOCATION_NO_OBJECT, 0x7f0000000042};
	at[AT_KERNEL] = (struct wire_location){FRAME_KERNEL, 3, KERNEL_ADDR + 0x110};
	at[AT_KERNEL_CALLER] = (struct wire_location){FRAME_KERNEL, 3, KERNEL_ADDR + 0x100};
	at[AT_STRANGE_KIND] = (struct wire_location){0x42, LOCATION_NO_OBJECT, 7};
}

void fixture_init(struct fixture *fixture)
{
	static const char *const names[] = {"first", "second"};
	const struct table_cache_options options = {
		.bytes_max = 1 << 20,
		.memory_fd = memfd_create("object", MFD_CLOEXEC),
		.counters = &fixture->counters,
	};

	*fixture = (struct fixture){.memory_fd = options.memory_fd};
	small_elf_make(&fixture->elf, names, 2, 0xab);
	set_objects(fixture);
	set_locations(fixture->locations);
	if (table_cache_new(&options, &fixture->tables) < 0)
		return;
	fixture->sources = (struct frame_sources){
		.tables = fixture->tables,
		.kernel = &fixture->kernel,
		.reader = {.fetch = fetch, .owner = fixture},
	};
	fixture->process.comm = text("program");
	fixture->target = (struct wire_target){
		.labels = text("labels"), .n_processes = 1, .processes = &fixture->process};
	fixture->window = (struct wire_window){
		.id = {77, 1},
		.time_wall_ns = UINT64_C(1700000000000000000),
		.duration_ns = UINT64_C(15000000000),
		.period_ns = 10309278,
		.n_objects = 4,
		.objects = fixture->objects,
		.n_locations = FIXTURE_LOCATIONS,
		.locations = fixture->locations,
		.n_targets = 1,
		.targets = &fixture->target,
	};
}

void fixture_set_stacks(struct fixture *fixture, const struct wire_stack *stacks, size_t n_stacks)
{
	fixture->process.stacks = stacks;
	fixture->process.n_stacks = n_stacks;
}

void fixture_deinit(struct fixture *fixture)
{
	table_cache_free(fixture->tables);
	kernel_symbols_deinit(&fixture->kernel);
	close(fixture->memory_fd);
}
