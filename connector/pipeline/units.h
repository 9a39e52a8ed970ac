#pragma once

/* Durations, sizes, rates and shares as the pipeline file writes them, and back for messages. */

#include <stdint.h>

/* "500ms" "30s" "5m" "1h" "30d" → milliseconds. All return 0 or -EINVAL. */
int units_duration(const char *text, uint64_t *ret_ms);
/* "100B" "64KiB" "1MiB" "1GiB" → bytes. */
int units_size(const char *text, uint64_t *ret_bytes);
/* "60/min" "20/s" "1000/h" → so many per so many milliseconds. */
int units_rate(const char *text, uint64_t *ret_n, uint64_t *ret_per_ms);
/* "90%" → 90. */
int units_share(const char *text, uint64_t *ret_percent);
/* Digits alone. */
int units_count(const char *text, uint64_t *ret_count);

/* The shortest way to write it, in @text. */
const char *units_duration_text(uint64_t ms, char text[static 32]);
const char *units_size_text(uint64_t bytes, char text[static 32]);
