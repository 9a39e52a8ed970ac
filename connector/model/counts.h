#pragma once

#include <stdint.h>

/* Records of one run by outcome; read = the sum of all the others. */
struct run_counts {
	uint64_t read, delivered, filtered, skipped, rejected, held, open;
};
