#include "connector/model/batch.h"

#include <stdlib.h>

void batch_free(struct batch *batch)
{
	if (!batch)
		return;
	free(batch->key);
	template_tree_free(batch->with);
	template_tree_free(batch->each);
	template_free(batch->by);
	free(batch->into);
	template_tree_free(batch->child);
	free(batch);
}
