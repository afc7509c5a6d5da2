/* Runs LLVMFuzzerTestOneInput over every file of the folders it is given: a corpus as a unit test.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data = NULL;
	long size = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
		return perror(path), 1;
	rewind(file);
	data = malloc((size_t)size + 1);
	if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
		return perror(path), 1;
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n_files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;

		if (!folder)
			return perror(argv[i]), 1;
		while ((entry = readdir(folder))) {
			if (entry->d_type != DT_REG)
				continue;
			if (replay_file(argv[i], entry->d_name) != 0)
				return 1;
			n_files++;
		}
		(void)closedir(folder);
	}
	printf("%u inputs replayed\n", n_files);
	return n_files == 0;
}
