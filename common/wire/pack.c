#include "wire/pack.h"

#include <msgpack.h>

/*
 * msgpack's packer is two words, so each value makes its own: no third party's type need stand in
 * a header. The results are ignored throughout because the buffer remembers its failure.
 */
static int append(void *out, const char *data, size_t n_bytes)
{
	bytes_append(out, data, n_bytes);
	return 0;
}

static msgpack_packer packer_of(struct bytes *out)
{
	return (msgpack_packer){.data = out, .callback = append};
}

void pack_head(struct bytes *out, enum message_id id, size_t n_fields)
{
	pack_array(out, n_fields + 1);
	pack_uint(out, id);
}

void pack_array(struct bytes *out, size_t n_elements)
{
	msgpack_packer packer = packer_of(out);

	(void)msgpack_pack_array(&packer, n_elements);
}

void pack_uint(struct bytes *out, uint64_t value)
{
	msgpack_packer packer = packer_of(out);

	(void)msgpack_pack_uint64(&packer, value);
}

void pack_bool(struct bytes *out, bool value)
{
	msgpack_packer packer = packer_of(out);

	(void)(value ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void pack_nil(struct bytes *out)
{
	msgpack_packer packer = packer_of(out);

	(void)msgpack_pack_nil(&packer);
}

void pack_bytes(struct bytes *out, struct wire_bytes bytes)
{
	msgpack_packer packer = packer_of(out);

	(void)msgpack_pack_bin(&packer, bytes.n_bytes);
	bytes_append(out, bytes.data, bytes.n_bytes);
}
