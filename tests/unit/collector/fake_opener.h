#pragma once
/* An opener that does nothing by itself: the test looks at its requests and ends them. */
#include <stdbool.h>
#include <stddef.h>

#include "opener/opener.h"

/* Forgets everything: first in each test. */
void fake_opener_reset(void);

/* From now on requests end with @outcome before opener_submit() returns; 0: they wait again. */
void fake_opener_refuse(int outcome);

size_t fake_opener_n(void); /* requests so far */
const struct opener_request *fake_opener_request(size_t i);

/* Ends request @i. */
void fake_opener_give(size_t i, const struct opener_result *result);
void fake_opener_fail(size_t i, int outcome);
void fake_opener_give_bytes(size_t i, const void *data, size_t n_bytes);
void fake_opener_give_fd(size_t i, int fd, const struct file_identity *identity);
