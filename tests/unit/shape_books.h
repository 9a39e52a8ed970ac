#pragma once

/* Books of names for tests of shape: fields of every type, two of one name, and a user. */

#include "tests/unit/shape_case.h"

static struct name_book *lead_fields(void)
{
	static const struct {
		const char *id, *name;
		enum field_type type;
	} fields[] = {
		{"cf_1", "Account ID", FIELD_TEXT}, {"cf_2", "Number", FIELD_NUMBER},
		{"cf_3", "Tier", FIELD_CHOICES},    {"cf_4", "Manager", FIELD_USER},
		{"cf_5", "Twice", FIELD_TEXT},      {"cf_6", "Twice", FIELD_TEXT},
	};
	struct name_book *book = name_book_new("lead");

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		name_book_add(book, fields[i].id, fields[i].name)->type = fields[i].type;
	return book;
}

static struct name_book *book_of_one(const char *kind, const char *id, const char *name)
{
	struct name_book *book = name_book_new(kind);

	name_book_add(book, id, name)->type = FIELD_TEXT;
	return book;
}

static struct names all_books(void)
{
	struct names names = {0};

	names_put(&names, lead_fields());
	names_put(&names, book_of_one("contact", "cf_20", "Role"));
	names_put(&names, book_of_one("custom_object/cotype_1", "cf_30", "Serial"));
	names_put(&names, book_of_one("user", "user_1", "Ana Ruiz"));
	for (size_t i = 0; i < names.n; i++)
		names.books[i]->is_fresh = true;
	return names;
}
