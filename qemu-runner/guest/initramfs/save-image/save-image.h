/* SPDX-License-Identifier: MIT */
#ifndef SAVE_IMAGE_H
#define SAVE_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE_SIZE 4096u
#define PAGE_MASK 0xfffff000u

/* The ELF note that marks an image as resumable. Numbers are little-endian, addresses physical. */
#define RESUME_NOTE_OWNER "KEXECJUMP"
#define RESUME_NOTE_TYPE 1
#define RESUME_NOTE_VERSION 1

struct resume_note {
	uint32_t version;
	uint32_t size;
	/* Re-entry point, as in e_entry */
	uint64_t entry;
	/* First and last byte of the memory that kernel B had */
	uint64_t window_first;
	uint64_t window_last;
	/* Behind the last byte of kernel A's RAM */
	uint64_t memory_end;
	char release[72];
	uint32_t build_id_length;
	uint8_t build_id[20];
};

/* A range of memory in the source. */
struct range {
	uint64_t start;
	uint64_t end;
	off_t offset;
};

/* The source: an ELF core of memory as kernel B finds it; with memory above 4 GiB it is an ELF64 one. */
struct vmcore {
	const char *path;
	int fd;
	struct range *ranges;
	unsigned int count;
	unsigned char *notes;
	size_t notes_size;
	/* Text of the VMCOREINFO note, or NULL */
	char *vmcoreinfo;
};

void vmcore_open(struct vmcore *core, const char *path);
/* False if any of the bytes is not in the core. */
bool vmcore_read(const struct vmcore *core, uint64_t address, void *buffer, size_t length);
/* Value behind "KEY=" in VMCOREINFO, or NULL. It ends at a newline. */
const char *vmcoreinfo_value(const struct vmcore *core, const char *key);

/* Kernel A, as its control page and its page list tell of it. */
struct left_kernel {
	const struct vmcore *core;
	uint32_t entry;
	uint32_t control_page;
	/* What relocate_kernel has saved in the control page */
	uint32_t cr3;
	uint32_t cr4;
	uint32_t swap_page;
	uint32_t head;
	/* Number of page frames up to the end of memory */
	uint32_t frames;
	uint64_t window_first;
	uint64_t window_last;
	/* By page frame below 4 GiB, where all that a jump exchanges is: the frame that has its content now */
	uint32_t *content_at;
	/* The same: whether the jump back reads it */
	bool *needed;
};

/* Page frames below 4 GiB: entries of the page list have 32 bits. */
#define LOW_FRAMES (1u << 20)

static inline bool is_needed(const struct left_kernel *kernel, uint32_t frame)
{
	return frame < LOW_FRAMES && kernel->needed[frame];
}

void left_kernel_read(struct left_kernel *kernel, const struct vmcore *core, uint32_t entry);
/* Clears kept[] of page frames that are in a free block of kernel A's buddy allocator. */
void drop_free_pages(const struct left_kernel *kernel, bool *kept);

/* What will be written. */
struct image {
	unsigned char *header;
	size_t header_size;
	/* Its PT_LOADs, in the order of their addresses and of their places in the file */
	Elf64_Phdr *loads;
	unsigned int count;
	uint64_t size;
};

/* Short gaps between pages that are kept are kept, too. */
void image_plan(struct image *image, const struct vmcore *core, bool *kept, const struct resume_note *note);

/* The target: a file that is not there under its name before it is whole, or a block device. */
void target_open(const char *path, uint64_t size);
void target_write(uint64_t offset, const void *buffer, size_t length);
/* Writes what makes it an image, when everything else has reached the disk. */
void target_finish(const void *header, size_t length);
/* Takes back what was made of it. */
void target_discard(void);

/* Ends with a sentence on stderr. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t count, size_t size);

#endif
