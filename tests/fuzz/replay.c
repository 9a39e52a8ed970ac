/*
 * Runs a fuzz target over a folder of seeds without libFuzzer, so that it is exercised in every
 * test run: each seed, each of its beginnings, and a few hundred changes drawn from a fixed
 * sequence.
 */

#include <assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_bytes = 65536, n_changes = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exact size, so that the sanitizer sees a byte read too many. */
static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert(copy);
	if (len)
		memcpy(copy, bytes, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* xorshift: the same numbers in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void run_changed(const uint8_t *bytes, size_t len, uint64_t *seed)
{
	static const char favourites[] = "\"\\{}[],:0-.eu\x80\xff\n";
	uint8_t *copy = malloc(len);

	assert(copy);
	memcpy(copy, bytes, len);
	for (uint64_t n = 1 + next_random(seed) % 3; n; n--)
		copy[next_random(seed) % len] =
			next_random(seed) % 2
				? (uint8_t)next_random(seed)
				: (uint8_t)favourites[next_random(seed) % sizeof(favourites)];
	run(copy, len);
	free(copy);
}

static void run_seed(const char *folder, const char *name, uint64_t *seed)
{
	static uint8_t bytes[most_bytes];
	char path[4096];
	size_t len;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	assert(f);
	len = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	for (size_t n = 0; n <= len && n < 1024; n++)
		run(bytes, n);
	run(bytes, len);
	for (int i = 0; len && i < n_changes; i++)
		run_changed(bytes, len, seed);
}

int main(int argc, char **argv)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	unsigned n_seeds = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **names;
		const int n = scandir(argv[i], &names, NULL, alphasort);

		for (int k = 0; k < n; k++) {
			if (names[k]->d_name[0] != '.') {
				run_seed(argv[i], names[k]->d_name, &seed);
				n_seeds++;
			}
			free(names[k]);
		}
		if (n >= 0)
			free(names);
	}
	printf("%u seeds\n", n_seeds);
	return n_seeds ? 0 : 1;
}
