#pragma once

/*
 * Custom-field keys of a body: "custom.cf_ID", the same with ".add" or ".remove", "custom.NAME",
 * and "custom" with an object. Only a reference to a field that is not there is an error.
 */

#include "connector/sandbox/write.h"

/* Checks all custom keys of the body and puts their values into the write's data. */
void box_custom_take(struct box_write *write);
