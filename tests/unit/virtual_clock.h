#pragma once

/*
 * lib/clock.h over a time that tests set. It defines all of its functions, so that the linker never
 * looks for those that ask the system.
 */

#include <stdint.h>

/* Both clocks at their start: long after 0, and 2026-11-21T10:00:00Z. */
void virtual_clock_reset(void);
void virtual_clock_pass(uint64_t ms);
/* Somebody sets the wall clock back. */
void virtual_clock_set_back(uint64_t ms);
/* Or forward. */
void virtual_clock_set_forward(uint64_t ms);
