#pragma once

/* `POST /lead/merge/` */

#include "connector/sandbox/visit.h"

void box_page_merge(struct box_visit *v);
