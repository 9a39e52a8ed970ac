#include "connector/close/catalogue.h"
#include "schemas/close/operations_table.h"

const struct operation_set *crm_catalogue(void)
{
	static const struct operation_set set = {operations,
	                                         sizeof(operations) / sizeof(operations[0])};

	return &set;
}
