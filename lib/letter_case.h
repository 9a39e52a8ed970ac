#pragma once

/*
 * Upper and lower case without a locale: the one-to-one mappings of the Unicode character database
 * for Latin (with all its accents), Greek, Cyrillic, Armenian and full-width letters. Other
 * characters stay as they are, and so do those whose other case is several letters (the German
 * sharp s).
 */

#include <stdint.h>

uint32_t letter_lower(uint32_t code);
uint32_t letter_upper(uint32_t code);
