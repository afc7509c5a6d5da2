#include "link/socket_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "x.sock"

static int enter_folder(void **state)
{
	char folder[] = "/tmp/triptych-watch-XXXXXX";

	if (!mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	*state = strdup(folder);
	return *state ? 0 : -1;
}

static int leave_folder(void **state)
{
	(void)unlink(NAME); /* the test may have done it */
	if (chdir("/") != 0 || rmdir(*state) != 0)
		return -1;
	free(*state);
	return 0;
}

static int bind_socket(int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = NAME};
	int fd = socket(AF_UNIX, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void a_socket_is_bound_while_its_owner_lives(void **state)
{
	int fd;

	(void)state;
	assert_false(socket_is_bound(NAME));
	assert_false(socket_is_bound("/nowhere/" NAME));
	fd = bind_socket(SOCK_STREAM);
	assert_true(socket_is_bound(NAME));
	assert_int_equal(listen(fd, 1), 0);
	assert_true(socket_is_bound(NAME));
	assert_int_equal(close(fd), 0);
	assert_int_equal(access(NAME, F_OK), 0); /* as a killed process leaves it */
	assert_false(socket_is_bound(NAME));
}

static void looking_is_not_noticed_by_who_listens(void **state)
{
	int fd = bind_socket(SOCK_STREAM | SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	for (int i = 0; i < 10; i++)
		assert_true(socket_is_bound(NAME));
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(close(fd), 0);
}

static void a_watch_tells_of_its_own_file_only_and_once(void **state)
{
	int watch = -1, fd;

	(void)state;
	assert_int_equal(socket_watch_open(NAME, &watch), 0);
	assert_false(socket_watch_take(watch, NAME));
	fd = open("other", O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_false(socket_watch_take(watch, NAME));
	fd = bind_socket(SOCK_STREAM);
	assert_true(socket_watch_take(watch, NAME));
	assert_false(socket_watch_take(watch, NAME));
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(NAME), 0);
	assert_false(socket_watch_take(watch, NAME));
	assert_int_equal(rename("other", NAME), 0);
	assert_true(socket_watch_take(watch, NAME));
	assert_int_equal(close(watch), 0);
}

static void where_there_is_no_directory_there_is_no_watch(void **state)
{
	int watch = -7;

	(void)state;
	assert_int_equal(socket_watch_open("/nowhere/" NAME, &watch), -ENOENT);
	assert_int_equal(watch, -7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_socket_is_bound_while_its_owner_lives,
						enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(looking_is_not_noticed_by_who_listens, enter_folder,
						leave_folder),
		cmocka_unit_test_setup_teardown(a_watch_tells_of_its_own_file_only_and_once,
						enter_folder, leave_folder),
		cmocka_unit_test(where_there_is_no_directory_there_is_no_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
