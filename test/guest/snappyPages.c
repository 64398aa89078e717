/*
 * Compresses pages by the library that makedumpfile -p is linked with: from the standard input, 4096 bytes each, to the standard output,
 * each as its length (32 bits, little-endian) and its bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <snappy-c.h>

#define PAGE 4096

int main(void)
{
	static char page[PAGE], compressed[PAGE * 2];

	while (fread(page, PAGE, 1, stdin) == 1) {
		size_t length = sizeof(compressed);
		uint32_t head;

		if (snappy_compress(page, PAGE, compressed, &length) != SNAPPY_OK)
			return 1;
		head = length;
		if (fwrite(&head, sizeof(head), 1, stdout) != 1 ||
		    fwrite(compressed, length, 1, stdout) != 1)
			return 1;
	}
	return fflush(stdout) != 0;
}
