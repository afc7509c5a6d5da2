#pragma once
/*
 * Which container a process is in, by the text of its /proc/PID/cgroup. Pure.
 *
 * The container's id is looked for below a slash of each line's path:
 *   64 hex digits, alone or behind "…-" or "…:", before '.', '/', blank or end    docker-ID.scope
 * and, where no line has such, as the whole name of a cgroup but for the last:
 *   32 hex digits, and perhaps '-' and a number              ECS on Fargate
 *   a UUID, or what Garden calls one: 8-4-4-4-4 hex digits    Cloud Foundry
 *   the name below lxc/ or lxc.payload/, or behind lxc.payload.                   LXC
 *   12 hex digits in docker/, or in docker-ID.scope and its like                  short ids
 * The first line that has one wins, and in it the last one: the innermost container. What is called
 * conmon watches over a container and is in none. Digits are of lower case.
 */
#include <stdbool.h>

#include "wire/wire.h"

#define CONTAINER_ID_BYTES_MAX    64u
#define CONTAINER_ID_DIGITS       64u
#define CONTAINER_ID_SHORT_DIGITS 12u

/* Borrowed from @text; empty when there is none, else 1 … CONTAINER_ID_BYTES_MAX bytes. */
struct wire_bytes cgroup_container_id(struct wire_bytes text);

/* Whether @text is of a host with cgroup v1 hierarchies, where a move is not always announced. */
bool cgroup_has_v1(struct wire_bytes text);

bool container_id_is_hex(struct wire_bytes id);
