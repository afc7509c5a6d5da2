#pragma once
/*
 * Who runs as whom unless options say otherwise. Numeric, no passwd entry needed, no two alike; the
 * common group owns the runtime directory with the sockets. Exit codes are those of sysexits.h that
 * service managers know.
 */
#define IDENTITY_GROUP_GID      59110
#define IDENTITY_COLLECTOR_UID  59111
#define IDENTITY_OPENER_UID     59112
#define IDENTITY_SYMBOLIZER_UID 59113
#define IDENTITY_SHIPPER_UID    59114

#define RUN_DIRECTORY_DEFAULT "/run/triptych"
#define POOL_SOCKET_NAME      "pool.sock"     /* collector listens, symbolizers dial */
#define CONTROL_SOCKET_NAME   "control.sock"  /* collector listens, the shipper dials */
#define PROFILES_SOCKET_NAME  "profiles.sock" /* the shipper listens, symbolizers dial */

enum exit_status {
	EXIT_STATUS_OK = 0,
	EXIT_STATUS_USAGE = 64,       /* an option is wrong */
	EXIT_STATUS_CONFIG = 65,      /* the configuration file is wrong */
	EXIT_STATUS_DATA = 65,        /* of a tool: its input is not what it should be */
	EXIT_STATUS_NO_INPUT = 66,    /* of a tool: a file that it was given cannot be opened */
	EXIT_STATUS_UNAVAILABLE = 69, /* the kernel cannot: no BTF, too old */
	EXIT_STATUS_MACHINE = 71,     /* a system call failed that should not */
	EXIT_STATUS_CANT_CREATE = 73, /* a directory cannot be written */
	EXIT_STATUS_AGAIN = 75,       /* start me again: authority is needed, or a lock is held */
	EXIT_STATUS_PERMISSION = 77,  /* a capability is missing; the message names it */
};
