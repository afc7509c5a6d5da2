#include "pages/metrics_text.h"

#include <inttypes.h>
#include <string.h>

#include "config/source.h"

void metrics_family(struct bytes *out, const char *name, const char *type, const char *help)
{
	bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_single(struct bytes *out, const char *name, const char *type, const char *help,
		    uint64_t value)
{
	metrics_family(out, name, type, help);
	bytes_printf(out, "%s %" PRIu64 "\n", name, value);
}

void metrics_label(struct bytes *out, const char *name, const char *value)
{
	size_t n_bytes = strlen(value);
	uint32_t character;

	bytes_printf(out, "%s=\"", name);
	for (size_t at = 0, n; at < n_bytes; at += n ? n : 1) {
		n = config_utf8_read(value + at, n_bytes - at, &character);
		if (n == 0)
			bytes_append(out, "\xef\xbf\xbd", 3);
		else if (value[at] == '\n')
			bytes_append(out, "\\n", 2);
		else if (value[at] == '"' || value[at] == '\\')
			bytes_printf(out, "\\%c", value[at]);
		else
			bytes_append(out, value + at, n);
	}
	bytes_append(out, "\"", 1);
}

void metrics_component_labels(struct bytes *out, const char *id)
{
	metrics_label(out, "component_id", id);
	bytes_append(out, ",", 1);
	metrics_label(out, "component_path", "/");
}
