#include "fake_opener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define REQUESTS_MAX 512u

static struct {
	size_t n;
	int outcome;
	struct {
		struct opener_request request;
		opener_done_fn *done;
		void *owner;
	} waiting[REQUESTS_MAX];
} fake;

void fake_opener_reset(void)
{
	memset(&fake, 0, sizeof(fake));
}

void fake_opener_refuse(int outcome)
{
	fake.outcome = outcome;
}

size_t fake_opener_n(void)
{
	return fake.n;
}

const struct opener_request *fake_opener_request(size_t i)
{
	assert_true(i < fake.n);
	return &fake.waiting[i].request;
}

void fake_opener_give(size_t i, const struct opener_result *result)
{
	opener_done_fn *done = fake.waiting[i].done;

	assert_true(i < fake.n && done);
	fake.waiting[i].done = NULL; /* exactly once */
	done(fake.waiting[i].owner, result);
}

void fake_opener_fail(size_t i, int outcome)
{
	const struct opener_result result = {.outcome = outcome, .fd = -1};

	fake_opener_give(i, &result);
}

void fake_opener_give_bytes(size_t i, const void *data, size_t n_bytes)
{
	const struct opener_result result = {.fd = -1, .bytes = {{data, n_bytes}}};

	fake_opener_give(i, &result);
}

void fake_opener_give_fd(size_t i, int fd, const struct file_identity *identity)
{
	const struct opener_result result = {.fd = fd, .identity = *identity};

	fake_opener_give(i, &result);
}

void opener_submit(struct opener *opener, const struct opener_request *request,
		   opener_done_fn *done, void *owner)
{
	size_t i = fake.n++;

	(void)opener;
	assert_true(i < REQUESTS_MAX);
	fake.waiting[i].request = *request;
	fake.waiting[i].done = done;
	fake.waiting[i].owner = owner;
	if (fake.outcome != 0)
		fake_opener_fail(i, fake.outcome);
}
