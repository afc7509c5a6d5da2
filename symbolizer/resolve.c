#include "resolve.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "local_files.h"
#include "resolve_line.h"
#include "table/table_cache.h"

#define TABLE_BYTES_MAX UINT64_MAX
#define INPUT_BYTES     65536u
#define OUTPUT_BYTES    (4 * RESOLVE_LINE_BYTES_MAX)
#define PROGRAM         "triptych-symbolizer: "

static const char help_text[] =
	"Usage: triptych-symbolizer resolve [OPTION]... FILE [ADDRESS]...\n"
	"Says which function each ADDRESS of FILE is in: hexadecimal, with or without 0x, in the\n"
	"file's own address space (p_vaddr, as nm prints it). Without any, they are read from\n"
	"standard input, one a line. Prints a line each, in their order:\n"
	"\n"
	"  0xADDRESS<TAB>NAME<TAB>0xSTART<TAB>SIZE<TAB>SOURCE<TAB>FILE:LINE\n"
	"\n"
	"with - for what is not known. FILE is an ELF file, or what a runtime calls perf-PID.map,\n"
	"whose addresses are those of the process. START and SIZE (decimal, in "
	"bytes)\n"
	"are those of the symbol. SOURCE is where the name was found: symtab or dynsym of FILE, "
	"debug\n"
	"(its separate debug file), gopclntab, minidebug, perfmap, or fde: then only the extent of "
	"the\n"
	"function is known, and NAME says where it begins. Debug files are looked for where a\n"
	"profile of a process would have them; each that was not used is named on standard error.\n"
	"\n"
	"  --root DIR        the root directory that FILE and its debug files are in (default /);\n"
	"                    debug files of the host are looked for, too\n"
	"  --demangle MODE   how NAME is shown: none (default: as the file has it), simplified,\n"
	"                    templates or full\n"
	"  --help\n"
	"\n"
	"Exit status: 0 each address was answered; 64 wrong usage, or an ADDRESS that is none;\n"
	"65 FILE has no symbols that could be read, or a line was no address (the others are\n"
	"answered); 66 FILE or DIR cannot be opened; 71 the system failed.\n";

struct resolve_options {
	const char *root;
	enum demangle_mode mode;
	const char *file;
	char **addresses;
	size_t n_addresses;
	bool is_done;
};

static const struct option long_options[] = {
	{"root", required_argument, NULL, 'r'},
	{"demangle", required_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* Returns 0 or -EINVAL, with a message. */
static int parse_options(int argc, char **argv, struct resolve_options *ret_options)
{
	struct resolve_options options = {.root = "/"};
	int id;

	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (id == '?')
			return -EINVAL; /* getopt said what is wrong */
		if (id == 'd' && demangle_mode_parse(optarg, &options.mode) < 0) {
			(void)fprintf(stderr,
				      PROGRAM "resolve: --demangle %s: expected one of none, "
					      "simplified, templates, full\n",
				      optarg);
			return -EINVAL;
		}
		if (id == 'r')
			options.root = optarg;
		options.is_done = options.is_done || id == 'h';
	}
	if (!options.is_done && optind == argc) {
		(void)fputs(PROGRAM "resolve: no FILE is given; see --help\n", stderr);
		return -EINVAL;
	}
	if (!options.is_done) {
		options.file = argv[optind++];
		options.addresses = argv + optind;
		options.n_addresses = (size_t)(argc - optind);
	}
	*ret_options = options;
	return 0;
}

/* All that answering takes. */
struct resolver {
	struct local_files *files;
	int memory_fd;
	struct counters counters;
	struct table_cache *tables;
	struct resolve_names names; /* its demangler and memo are owned */
	char *output;               /* owned */
	size_t n_output_bytes;
	bool has_failed; /* standard output cannot be written */
};

static void resolver_deinit(struct resolver *resolver)
{
	demangler_free(resolver->names.demangler);
	name_memo_free(resolver->names.memo);
	table_cache_free(resolver->tables);
	local_files_free(resolver->files);
	close_fdp(&resolver->memory_fd);
	free(resolver->output);
}

static void say_missed(const char *root, const char *path, const char *why)
{
	bool ends_in_slash = root[0] != '\0' && root[strlen(root) - 1] == '/';

	(void)fprintf(stderr, PROGRAM "%s%s%s: %s\n", root, ends_in_slash ? "" : "/", path, why);
}

/* One that was opened and not believed; what could not be opened was said by say_missed(). */
static void say_refused(void *owner, const struct debug_attempt *attempt)
{
	const struct resolver *resolver = owner;

	if (attempt->outcome == DEBUG_TAKEN || attempt->outcome == DEBUG_REFUSED)
		return;
	say_missed(local_files_root(resolver->files, attempt->sibling),
		   local_files_path(resolver->files, attempt->sibling) + 1,
		   debug_outcome_text(attempt->outcome));
}

static enum exit_status cannot(const char *what, const char *why, enum exit_status status)
{
	(void)fprintf(stderr, PROGRAM "%s: %s\n", what, why);
	return status;
}

static enum exit_status acquire(struct resolver *resolver, const struct resolve_options *options)
{
	struct table_cache_options cache_options = {
		.bytes_max = TABLE_BYTES_MAX,
		.counters = &resolver->counters,
		.tell = say_refused,
		.owner = resolver,
	};
	int r = local_files_new(options->root, say_missed, &resolver->files);

	if (r < 0)
		return cannot(options->root, strerror(-r), EXIT_STATUS_NO_INPUT);
	resolver->memory_fd = memfd_create("object", MFD_CLOEXEC);
	if (resolver->memory_fd < 0)
		return cannot("memfd_create", strerror(errno), EXIT_STATUS_MACHINE);
	cache_options.memory_fd = resolver->memory_fd;
	resolver->output = malloc(OUTPUT_BYTES);
	r = resolver->output ? table_cache_new(&cache_options, &resolver->tables) : -ENOMEM;
	if (r == 0)
		r = demangler_new(options->mode, &resolver->names.demangler);
	if (r == 0 && options->mode != DEMANGLE_NONE)
		r = name_memo_new(&resolver->names.memo);
	return r < 0 ? cannot("start", strerror(-r), EXIT_STATUS_MACHINE) : EXIT_STATUS_OK;
}

/* Says what is wrong with a file that has no table. */
static enum exit_status refuse(const char *file, int r)
{
	static const char *const outcomes[] = {
		[TABLE_CACHE_NOT_ELF] = "not an ELF file of this machine's byte order",
		[TABLE_CACHE_MALFORMED] = "a malformed ELF file",
		[TABLE_CACHE_TOO_BIG] = "over the bounds of what is read",
		[TABLE_CACHE_UNREADABLE] = "could not be read",
	};

	if (r < 0)
		return cannot(file, strerror(-r), EXIT_STATUS_MACHINE);
	return cannot(file, outcomes[r], EXIT_STATUS_DATA);
}

/* A file may have a table and yet not all the names that are in it. */
static void say_flaws(const struct resolver *resolver, const char *file)
{
	if (counters_get(&resolver->counters, COUNTER_IMAGES_MALFORMED) > 0)
		(void)fprintf(stderr, PROGRAM "%s: some symbols are malformed, and not used\n",
			      file);
	if (counters_get(&resolver->counters, COUNTER_IMAGES_TOO_BIG) > 0)
		(void)fprintf(stderr,
			      PROGRAM "%s: some symbols are over the bounds of what is read\n",
			      file);
}

/* perf-PID.map, as runtimes call them. */
static bool is_perf_map(const char *name)
{
	static const char prefix[] = "perf-", suffix[] = ".map";
	size_t n = strlen(name), n_around = strlen(prefix) + strlen(suffix);

	return n > n_around && strncmp(name, prefix, strlen(prefix)) == 0 &&
	       strcmp(name + n - strlen(suffix), suffix) == 0;
}

static enum exit_status open_table(struct resolver *resolver, const char *file)
{
	const struct object_reader reader = local_files_reader(resolver->files);
	const char *slash = strrchr(file, '/');
	const struct symbol_table **table = &resolver->names.table;
	struct wire_object object;
	int r = local_files_open(resolver->files, file, &object);

	resolver->names.module = slash ? slash + 1 : file;
	if (r < 0)
		return cannot(file, r == -EINVAL ? "not a regular file" : strerror(-r),
			      EXIT_STATUS_NO_INPUT);
	r = is_perf_map(resolver->names.module)
		    ? table_cache_get_process(resolver->tables, &object, &reader, table)
		    : table_cache_get(resolver->tables, &object, &reader, table);
	if (r != 0)
		return refuse(file, r);
	say_flaws(resolver, file);
	return EXIT_STATUS_OK;
}

static void flush(struct resolver *resolver)
{
	size_t at = 0;

	while (at < resolver->n_output_bytes && !resolver->has_failed) {
		ssize_t n =
			write(STDOUT_FILENO, resolver->output + at, resolver->n_output_bytes - at);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR)
			resolver->has_failed = true;
	}
	resolver->n_output_bytes = 0;
}

static void answer(struct resolver *resolver, uint64_t address)
{
	if (OUTPUT_BYTES - resolver->n_output_bytes < RESOLVE_LINE_BYTES_MAX)
		flush(resolver);
	resolver->n_output_bytes += resolve_line(&resolver->names, (struct elf_addr){address},
						 resolver->output + resolver->n_output_bytes);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_address(const char *text, size_t n_bytes, uint64_t *ret_address)
{
	uint64_t address = 0;
	size_t i = n_bytes > 2 && text[0] == '0' && (text[1] | 0x20) == 'x' ? 2 : 0;

	if (i == n_bytes)
		return false;
	for (; i < n_bytes; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0 || address >> 60 != 0)
			return false;
		address = address << 4 | (unsigned)digit;
	}
	*ret_address = address;
	return true;
}

static enum exit_status answer_arguments(struct resolver *resolver,
					 const struct resolve_options *options)
{
	uint64_t address;

	for (size_t i = 0; i < options->n_addresses; i++) {
		const char *text = options->addresses[i];

		if (!parse_address(text, strlen(text), &address)) {
			flush(resolver);
			return cannot(text, "not a hexadecimal address", EXIT_STATUS_USAGE);
		}
		answer(resolver, address);
	}
	flush(resolver);
	return EXIT_STATUS_OK;
}

/* Answers the lines of @text; returns how many bytes of it were whole lines. */
static size_t answer_lines(struct resolver *resolver, const char *text, size_t n_bytes,
			   uint64_t *n_lines, enum exit_status *status)
{
	const char *at = text, *end = text + n_bytes, *newline;
	uint64_t address;

	for (; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
		size_t n = (size_t)(newline - at);

		++*n_lines;
		n -= n > 0 && at[n - 1] == '\r';
		if (parse_address(at, n, &address)) {
			answer(resolver, address);
			continue;
		}
		(void)fprintf(stderr, PROGRAM "line %llu: not a hexadecimal address\n",
			      (unsigned long long)*n_lines);
		*status = EXIT_STATUS_DATA;
	}
	return (size_t)(at - text);
}

/* What was asked is answered before more is waited for, so that a pipe may be asked and answer. */
static enum exit_status answer_input(struct resolver *resolver)
{
	enum exit_status status = EXIT_STATUS_OK;
	static char input[INPUT_BYTES + 1];
	uint64_t n_lines = 0;
	size_t n_bytes = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, input + n_bytes, INPUT_BYTES - n_bytes)) > 0 ||
	       (n < 0 && errno == EINTR)) {
		size_t n_used;

		n_bytes += n > 0 ? (size_t)n : 0;
		n_used = answer_lines(resolver, input, n_bytes, &n_lines, &status);
		n_bytes -= n_used;
		memmove(input, input + n_used, n_bytes);
		if (n_bytes == INPUT_BYTES)
			return cannot("standard input", "a line without end", EXIT_STATUS_DATA);
		flush(resolver);
	}
	if (n < 0)
		return cannot("standard input", strerror(errno), EXIT_STATUS_MACHINE);
	if (n_bytes > 0) {
		input[n_bytes++] = '\n';
		(void)answer_lines(resolver, input, n_bytes, &n_lines, &status);
		flush(resolver);
	}
	return status;
}

enum exit_status resolve_main(int argc, char **argv)
{
	cleanup_with(resolver_deinit) struct resolver resolver = {.memory_fd = -1};
	struct resolve_options options;
	enum exit_status status;

	if (parse_options(argc, argv, &options) < 0)
		return EXIT_STATUS_USAGE;
	if (options.is_done)
		return fputs(help_text, stdout) < 0 ? EXIT_STATUS_MACHINE : EXIT_STATUS_OK;
	status = acquire(&resolver, &options);
	if (status == EXIT_STATUS_OK)
		status = open_table(&resolver, options.file);
	if (status == EXIT_STATUS_OK)
		status = options.n_addresses > 0 ? answer_arguments(&resolver, &options)
						 : answer_input(&resolver);
	if (resolver.has_failed)
		return cannot("standard output", "cannot be written", EXIT_STATUS_MACHINE);
	return status;
}
