#pragma once

/* What a pipeline may choose for a source of topics. */

/* Where a group that has committed nothing begins. */
enum kafka_start { KAFKA_START_BEGINNING, KAFKA_START_END, KAFKA_START_TIME };

/* What becomes of a message without a value. */
enum kafka_tombstones { KAFKA_TOMBSTONES_REJECT, KAFKA_TOMBSTONES_IGNORE, KAFKA_TOMBSTONES_ROUTE };
