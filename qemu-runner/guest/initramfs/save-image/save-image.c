// SPDX-License-Identifier: MIT
/*
 * Saves kernel A's memory from kernel B as an image that can be resumed: save-image [--level LEVEL] SOURCE TARGET
 * LEVEL is makedumpfile's: 1 leaves out pages of zeros, 16 free pages, 17 both. SOURCE is /proc/vmcore, TARGET a file or a
 * block device. It prints "BYTES TOTAL" as it goes on, and a line of key=value words at its end.
 */
#define _GNU_SOURCE
#include "save-image.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LEVEL_ZERO 1
#define LEVEL_FREE 16
#define PIECE (64 * PAGE_SIZE)
#define PROGRESS_SECONDS 0.1
#define STATUS_CANCELLED 130
#define FIRST_MEBIBYTE 0x100000u

static volatile sig_atomic_t cancelled;
static unsigned char piece[PIECE];

static void cancel(int signal)
{
	(void)signal;
	cancelled = 1;
}

static void end_if_cancelled(void)
{
	if (!cancelled)
		return;
	target_discard();
	fprintf(stderr, "cancelled\n");
	exit(STATUS_CANCELLED);
}

void fail(const char *format, ...)
{
	va_list arguments;

	target_discard();
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		fail("There is not enough memory: %zu bytes were wanted.", count * size);
	return memory;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Refuses levels whose images kernel A could not go on from. */
static int parse_level(const char *text)
{
	static const struct {
		int bit;
		const char *pages;
	} needed[] = { { 2, "page cache (2)" }, { 4, "page cache with private data (4)" }, { 8, "memory of programs (8)" } };
	char *end, list[128] = "";
	const long level = strtol(text, &end, 10);

	if (end == text || *end || level < 0 || level > 31)
		fail("The level %s is none: levels are 0, 1 (without pages of zeros), 16 (without free pages) and 17.", text);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (level & needed[i].bit)
			sprintf(list + strlen(list), "%s%s", *list ? ", " : "", needed[i].pages);
	}
	if (*list)
		fail("The level %ld leaves out pages that kernel A uses: %s. It could not go on without them; levels that can be "
		     "resumed are 0, 1, 16 and 17.", level, list);
	return level;
}

static uint32_t reentry_point(void)
{
	static const char key[] = "kexec_jump_back_entry=";
	char line[4096] = "";
	const char *word;
	FILE *file = fopen("/proc/cmdline", "r");

	if (!file || !fgets(line, sizeof(line), file))
		fail("/proc/cmdline cannot be read.");
	fclose(file);
	word = strstr(line, key);
	if (!word)
		fail("There is no %s in /proc/cmdline: nobody jumped here, so there is no kernel to save.", key);
	return strtoul(word + strlen(key), NULL, 0);
}

/* The window as the page list has it must be where this kernel lives, and nowhere that is to be saved. */
static void check_window(const struct left_kernel *kernel)
{
	char line[256];
	FILE *file = fopen("/proc/iomem", "r");

	if (!file)
		fail("/proc/iomem cannot be read.");
	while (fgets(line, sizeof(line), file)) {
		uint64_t first, last;
		char name[32];

		if (*line == ' ' || sscanf(line, "%" SCNx64 "-%" SCNx64 " : %31[^\n]", &first, &last, name) != 3)
			continue;
		if (strcmp(name, "System RAM") == 0 && last >= FIRST_MEBIBYTE &&
		    (first < kernel->window_first || last > kernel->window_last))
			fail("This kernel lives in 0x%" PRIx64 "-0x%" PRIx64 ", but the page list of the kernel that left gives it "
			     "0x%" PRIx64 "-0x%" PRIx64 ": its memory has been overwritten.",
			     first, last, kernel->window_first, kernel->window_last);
	}
	fclose(file);
	for (unsigned int i = 0; i < kernel->core->count; i++) {
		const struct range *range = &kernel->core->ranges[i];

		if (range->start <= kernel->window_last && range->end > kernel->window_first)
			fail("%s has memory of the window at 0x%" PRIx64 ".", kernel->core->path, range->start);
	}
}

static void describe(struct resume_note *note, const struct left_kernel *kernel)
{
	const char *release = vmcoreinfo_value(kernel->core, "OSRELEASE");
	const char *id = vmcoreinfo_value(kernel->core, "BUILD-ID");
	unsigned int byte;

	memset(note, 0, sizeof(*note));
	note->version = RESUME_NOTE_VERSION;
	note->size = sizeof(*note);
	note->entry = kernel->entry;
	note->window_first = kernel->window_first;
	note->window_last = kernel->window_last;
	note->memory_end = (uint64_t)kernel->frames * PAGE_SIZE;
	if (release)
		snprintf(note->release, sizeof(note->release), "%.*s", (int)strcspn(release, "\n"), release);
	while (id && note->build_id_length < sizeof(note->build_id) && sscanf(id, "%2x", &byte) == 1) {
		note->build_id[note->build_id_length++] = byte;
		id += 2;
	}
}

static bool is_zero(const unsigned char *page)
{
	return *page == 0 && memcmp(page, page + 1, PAGE_SIZE - 1) == 0;
}

static void drop_zero_pages(const struct left_kernel *kernel, const struct range *range, bool *kept)
{
	for (uint64_t at = range->start; at < range->end; at += PIECE) {
		const size_t length = range->end - at < PIECE ? range->end - at : PIECE;

		end_if_cancelled();
		vmcore_read(kernel->core, at, piece, length);
		for (size_t offset = 0; offset < length; offset += PAGE_SIZE) {
			const uint32_t frame = (at + offset) / PAGE_SIZE;

			if (kept[frame] && !is_needed(kernel, frame) && is_zero(piece + offset))
				kept[frame] = false;
		}
	}
}

static bool *choose_pages(const struct left_kernel *kernel, int level)
{
	const struct vmcore *core = kernel->core;
	bool *kept = allocate(kernel->frames, sizeof(*kept));

	for (unsigned int i = 0; i < core->count; i++)
		memset(kept + core->ranges[i].start / PAGE_SIZE, true, (core->ranges[i].end - core->ranges[i].start) / PAGE_SIZE);
	if (level & LEVEL_FREE)
		drop_free_pages(kernel, kept);
	for (unsigned int i = 0; i < core->count && level & LEVEL_ZERO; i++)
		drop_zero_pages(kernel, &core->ranges[i], kept);
	return kept;
}

static void report(uint64_t bytes, uint64_t total)
{
	static double last;
	const double now = seconds();

	if (bytes < total && now - last < PROGRESS_SECONDS)
		return;
	last = now;
	printf("%" PRIu64 " %" PRIu64 "\n", bytes, total);
	fflush(stdout);
}

static void write_image(const struct image *image, const struct vmcore *core, const char *target)
{
	target_open(target, image->size);
	for (unsigned int i = 0; i < image->count; i++) {
		const Elf64_Phdr *load = &image->loads[i];

		for (uint64_t done = 0; done < load->p_filesz; done += PIECE) {
			const size_t length = load->p_filesz - done < PIECE ? load->p_filesz - done : PIECE;

			end_if_cancelled();
			vmcore_read(core, load->p_paddr + done, piece, length);
			target_write(load->p_offset + done, piece, length);
			report(load->p_offset + done, image->size);
		}
	}
	end_if_cancelled();
	target_finish(image->header, image->header_size);
	report(image->size, image->size);
}

int main(int argc, char **argv)
{
	const double start = seconds();
	struct sigaction action = { .sa_handler = cancel };
	struct left_kernel kernel;
	struct resume_note note;
	struct vmcore core;
	struct image image;
	int level = 0;

	if (argc > 2 && strcmp(argv[1], "--level") == 0) {
		level = parse_level(argv[2]);
		argv += 2;
		argc -= 2;
	}
	if (argc != 3)
		fail("Usage: save-image [--level 0|1|16|17] SOURCE TARGET");
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);

	vmcore_open(&core, argv[1]);
	left_kernel_read(&kernel, &core, reentry_point());
	check_window(&kernel);
	describe(&note, &kernel);
	image_plan(&image, &core, choose_pages(&kernel, level), &note);
	write_image(&image, &core, argv[2]);
	printf("bytes=%" PRIu64 " seconds=%.2f entry=0x%08x level=%d\n", image.size, seconds() - start, kernel.entry, level);
	return 0;
}
