#include "demangle_lines.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "display_name.h"

#define INPUT_BYTES  (1u << 18)
#define OUTPUT_BYTES (1u << 18)
#define PROGRAM      "triptych-symbolizer: "
#define MODES        "none, simplified, templates, full"

static const char help_text[] =
	"Usage: triptych-symbolizer demangle --mode MODE\n"
	"Reads names from standard input, one a line, and prints each as a profile shows it.\n"
	"Names of C++ and of Rust (legacy and v0) are demangled; others stay as they are, and so\n"
	"does a name that would be too much work or more than 65535 bytes.\n"
	"\n"
	"  --mode MODE   none: as it is; simplified: without parameters and template arguments;\n"
	"                templates: without parameters; full\n"
	"  --help\n"
	"\n"
	"Exit status: 0 each line was answered; 64 wrong usage; 65 a line without end; 71 the "
	"system\n"
	"failed.\n";

static const struct option long_options[] = {
	{"mode", required_argument, NULL, 'm'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct lines_options {
	enum demangle_mode mode;
	bool is_done;
};

/* Returns 0 or -EINVAL, with a message. */
static int parse_options(int argc, char **argv, struct lines_options *ret_options)
{
	struct lines_options options = {0};
	bool has_mode = false;
	int id;

	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (id == '?')
			return -EINVAL; /* getopt said what is wrong */
		if (id == 'm' && demangle_mode_parse(optarg, &options.mode) < 0) {
			(void)fprintf(stderr,
				      PROGRAM "demangle: --mode %s: expected one of " MODES "\n",
				      optarg);
			return -EINVAL;
		}
		has_mode = has_mode || id == 'm';
		options.is_done = options.is_done || id == 'h';
	}
	if (!options.is_done && optind < argc) {
		(void)fprintf(stderr, PROGRAM "demangle: %s: no arguments are taken; see --help\n",
			      argv[optind]);
		return -EINVAL;
	}
	if (!options.is_done && !has_mode) {
		(void)fputs(PROGRAM "demangle: no --mode is given: one of " MODES "\n", stderr);
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}

struct lines {
	struct demangler *demangler; /* owned */
	size_t n_input_bytes;
	size_t n_output_bytes;
	bool has_failed; /* standard output cannot be written */
	char input[INPUT_BYTES + 1];
	char output[OUTPUT_BYTES];
};

static enum exit_status cannot(const char *what, const char *why, enum exit_status status)
{
	(void)fprintf(stderr, PROGRAM "%s: %s\n", what, why);
	return status;
}

static void flush(struct lines *lines)
{
	size_t at = 0;

	while (at < lines->n_output_bytes && !lines->has_failed) {
		ssize_t n = write(STDOUT_FILENO, lines->output + at, lines->n_output_bytes - at);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR)
			lines->has_failed = true;
	}
	lines->n_output_bytes = 0;
}

static void answer(struct lines *lines, const char *name, size_t n_bytes)
{
	if (OUTPUT_BYTES - lines->n_output_bytes < DISPLAY_NAME_BYTES_MAX + 1)
		flush(lines);
	lines->n_output_bytes +=
		display_name(lines->demangler, (struct wire_bytes){name, n_bytes},
			     lines->output + lines->n_output_bytes, DISPLAY_NAME_BYTES_MAX);
	lines->output[lines->n_output_bytes++] = '\n';
}

/* Answers the whole lines of what was read, and keeps the rest. */
static void answer_lines(struct lines *lines)
{
	const char *at = lines->input, *end = at + lines->n_input_bytes, *newline;

	for (; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1)
		answer(lines, at, (size_t)(newline - at));
	lines->n_input_bytes = (size_t)(end - at);
	memmove(lines->input, at, lines->n_input_bytes);
}

/* What was asked is answered before more is waited for, so that a pipe may be asked and answer. */
static enum exit_status answer_input(struct lines *lines)
{
	ssize_t n = 0;

	while (!lines->has_failed && ((n = read(STDIN_FILENO, lines->input + lines->n_input_bytes,
						INPUT_BYTES - lines->n_input_bytes)) > 0 ||
				      (n < 0 && errno == EINTR))) {
		lines->n_input_bytes += n > 0 ? (size_t)n : 0;
		answer_lines(lines);
		if (lines->n_input_bytes == INPUT_BYTES)
			return cannot("standard input", "a line without end", EXIT_STATUS_DATA);
		flush(lines);
	}
	if (!lines->has_failed && n < 0)
		return cannot("standard input", strerror(errno), EXIT_STATUS_MACHINE);
	if (lines->n_input_bytes > 0)
		answer(lines, lines->input, lines->n_input_bytes);
	flush(lines);
	return lines->has_failed
		       ? cannot("standard output", "cannot be written", EXIT_STATUS_MACHINE)
		       : EXIT_STATUS_OK;
}

enum exit_status demangle_lines_main(int argc, char **argv)
{
	static struct lines lines;
	struct lines_options options;
	enum exit_status status;
	int r;

	if (parse_options(argc, argv, &options) < 0)
		return EXIT_STATUS_USAGE;
	if (options.is_done)
		return fputs(help_text, stdout) < 0 ? EXIT_STATUS_MACHINE : EXIT_STATUS_OK;
	r = demangler_new(options.mode, &lines.demangler);
	if (r < 0)
		return cannot("start", strerror(-r), EXIT_STATUS_MACHINE);
	status = answer_input(&lines);
	demangler_free(lines.demangler);
	return status;
}
