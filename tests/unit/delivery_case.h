#pragma once

/* The set-up the tests of delivery share: one world, fresh for each sentence. */

#include "tests/unit/check.h"
#include "tests/unit/delivery_world.h"

static struct world world;
static struct world *const w = &world;

static int begin(void **state)
{
	(void)state;
	world_init(w);
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_deinit(w);
	return 0;
}

static struct ending *ending(uint64_t number)
{
	return &w->endings[number];
}
