#pragma once
/* YAML to values of the language: the first document, its plain scalars read as YAML 1.2 has them.
 */
#include "base/bytes.h"
#include "config/value.h"

#define CONFIG_YAML_DEPTH_MAX 200u
#define CONFIG_YAML_NODES_MAX 1000000u /* with what stands behind aliases counted each time */

/*
 * Reads @text into a value in @arena. Returns 0, a negative error of the arena, or CONFIG_REFUSED
 * after appending the reason to @why.
 */
int config_yaml_read(struct config_text text, struct config_arena *arena,
		     struct config_value *ret_value, struct bytes *why) warn_unused_result;
