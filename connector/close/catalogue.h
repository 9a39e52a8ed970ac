#pragma once

/*
 * The write operations of Close as data: schemas/close/operations.json, compiled in, so that
 * nothing is read or parsed at start.
 */

#include "connector/model/operation.h"

/* All of them, sorted by name. Never freed. */
const struct operation_set *crm_catalogue(void);
