#pragma once

/* What a scalar without quotes is by the core schema of YAML 1.2 (chapter 10.3.2), for lib/yaml. */

#include <stdbool.h>

/*
 * @text as JSON writes the same: "true" for True, "null" for NULL, "31" for 0x1F, "5" for +5, "0.5"
 * for .5; to free(). NULL: it is written so already, or is text. `010` is text, too: to some it is
 * eight, to others ten, and to most a code that must keep its zero.
 */
char *yaml_scalar_json(const char *text);

/* A number that JSON does not have: .inf and .nan. */
bool yaml_scalar_has_no_json(const char *text);
