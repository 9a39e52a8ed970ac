#include "connector/model/remembered.h"

#include <stdlib.h>

void remembered_deinit(struct remembered *item)
{
	free(item->kind);
	free(item->field);
	free(item->value);
	free(item->object_id);
	free(item->lead_id);
	*item = (struct remembered){0};
}
