#pragma once

/*
 * The order in which people expect names: runs of digits count as numbers, whatever their length
 * (part-2 before part-10), everything else by its bytes. A folder's files stay together: "/" comes
 * before every other byte.
 */

/* Like strcmp(3). Total: only equal texts compare as 0, so "2" and "02" have an order too. */
int natural_compare(const char *a, const char *b);
