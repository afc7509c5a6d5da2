/* REPORT: what a symbolizer shows of itself. */
#include "wire/arena.h"
#include "wire/parts.h"

static const struct array_shape table_shape = {
	.wire_bytes_min = 10,
	.element_bytes = sizeof(struct wire_table),
	.n_max = REPORT_TABLES_MAX,
};
static const struct array_shape file_shape = {
	.wire_bytes_min = 4,
	.element_bytes = sizeof(struct wire_table_file),
	.n_max = REPORT_FILES_MAX,
};
static const struct array_shape named_shape = {
	.wire_bytes_min = 5,
	.element_bytes = sizeof(struct wire_last_named),
	.n_max = REPORT_TARGETS_MAX,
};
static const struct array_shape function_shape = {
	.wire_bytes_min = 4,
	.element_bytes = sizeof(struct wire_function_share),
	.n_max = REPORT_FUNCTIONS_MAX,
};

static void pack_table(struct bytes *out, const struct wire_table *table)
{
	pack_array(out, 7);
	pack_uint(out, table->id);
	pack_bytes(out, table->build_id);
	pack_bytes(out, table->name);
	pack_uint(out, table->n_symbols);
	pack_uint(out, table->n_bytes);
	pack_uint(out, table->last_used_round);
	pack_bool(out, table->has_mini_debug_info);
}

static struct wire_table unpack_table(struct unpacker *u)
{
	struct wire_table table;

	unpack_tuple(u, 7);
	table.id = unpack_u64(u);
	table.build_id = unpack_bytes(u, REPORT_BUILD_ID_BYTES_MAX);
	table.name = unpack_bytes(u, SHOWN_NAME_BYTES_MAX);
	table.n_symbols = unpack_u64(u);
	table.n_bytes = unpack_u64(u);
	table.last_used_round = unpack_u64(u);
	table.has_mini_debug_info = unpack_bool(u);
	return table;
}

static void pack_cache(struct bytes *out, const struct wire_table_cache *cache)
{
	pack_array(out, 3);
	pack_uint(out, cache->n);
	pack_uint(out, cache->n_max);
	pack_array(out, cache->n_tables);
	for (size_t i = 0; i < cache->n_tables; i++)
		pack_table(out, &cache->tables[i]);
}

static struct wire_table_cache unpack_cache(struct unpacker *u, struct wire_arena *arena)
{
	struct wire_table_cache cache;
	struct wire_table *tables;

	unpack_tuple(u, 3);
	cache.n = unpack_u64(u);
	cache.n_max = unpack_u64(u);
	tables = unpack_array_of(u, arena, &table_shape, &cache.n_tables);
	for (size_t i = 0; i < cache.n_tables; i++)
		tables[i] = unpack_table(u);
	if (cache.n_tables > cache.n)
		unpack_fail(u);
	cache.tables = tables;
	return cache;
}

static void pack_named(struct bytes *out, const struct wire_last_named *named)
{
	pack_array(out, 4);
	pack_uint(out, named->labels_hash);
	pack_uint(out, named->time_wall_ns);
	pack_uint(out, named->n_samples);
	pack_array(out, named->n_functions);
	for (size_t i = 0; i < named->n_functions; i++) {
		pack_array(out, 2);
		pack_bytes(out, named->functions[i].name);
		pack_uint(out, named->functions[i].n_samples);
	}
}

static struct wire_last_named unpack_named(struct unpacker *u, struct wire_arena *arena)
{
	struct wire_last_named named;
	struct wire_function_share *functions;

	unpack_tuple(u, 4);
	named.labels_hash = unpack_u64(u);
	named.time_wall_ns = unpack_u64(u);
	named.n_samples = unpack_u64(u);
	functions = unpack_array_of(u, arena, &function_shape, &named.n_functions);
	for (size_t i = 0; i < named.n_functions; i++) {
		unpack_tuple(u, 2);
		functions[i].name = unpack_bytes(u, SHOWN_NAME_BYTES_MAX);
		functions[i].n_samples = unpack_uint(u, 0, named.n_samples);
	}
	named.functions = functions;
	return named;
}

static void pack_table_files(struct bytes *out, const struct wire_report *m)
{
	pack_array(out, m->n_files);
	for (size_t i = 0; i < m->n_files; i++) {
		pack_array(out, 3);
		pack_uint(out, m->files[i].device);
		pack_uint(out, m->files[i].inode);
		pack_uint(out, m->files[i].table);
	}
}

static void unpack_table_files(struct unpacker *u, struct wire_arena *arena, struct wire_report *m)
{
	struct wire_table_file *files = unpack_array_of(u, arena, &file_shape, &m->n_files);

	for (size_t i = 0; i < m->n_files; i++) {
		unpack_tuple(u, 3);
		files[i].device = unpack_u64(u);
		files[i].inode = unpack_u64(u);
		files[i].table = unpack_u64(u);
	}
	m->files = files;
}

void wire_encode_report(struct bytes *out, const struct wire_report *m)
{
	pack_head(out, MESSAGE_REPORT, 6);
	pack_uint(out, m->worker);
	pack_process_status(out, &m->status);
	pack_uint(out, m->round);
	pack_array(out, REPORT_CACHES);
	for (size_t i = 0; i < REPORT_CACHES; i++)
		pack_cache(out, &m->caches[i]);
	pack_table_files(out, m);
	pack_array(out, m->n_named);
	for (size_t i = 0; i < m->n_named; i++)
		pack_named(out, &m->named[i]);
}

int wire_decode_report(const void *frame, size_t n_bytes, struct wire_arena *arena,
		       struct wire_report *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_REPORT, 6);
	struct wire_last_named *named;
	struct wire_report m;
	int r;

	m.worker = unpack_u64(&u);
	m.status = unpack_process_status(&u);
	m.round = unpack_u64(&u);
	unpack_tuple(&u, REPORT_CACHES);
	for (size_t i = 0; i < REPORT_CACHES; i++)
		m.caches[i] = unpack_cache(&u, arena);
	unpack_table_files(&u, arena, &m);
	named = unpack_array_of(&u, arena, &named_shape, &m.n_named);
	for (size_t i = 0; i < m.n_named; i++)
		named[i] = unpack_named(&u, arena);
	m.named = named;
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}
