#pragma once

/* Which path is answered by what. */

#include "connector/sandbox/visit.h"

/* Answers the visit; false: nobody knows its path. */
bool box_route(struct box_visit *v);

/* Whether box_route() knows @path, whatever the method. */
bool box_route_knows(const char *path);
