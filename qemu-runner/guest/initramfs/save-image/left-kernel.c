// SPDX-License-Identifier: MIT
/*
 * Kernel A, which has left: its control page, its page list, and where its pages are now.
 * Source: arch/x86/kernel/relocate_kernel_32.S, include/linux/kexec.h (IND_*).
 */
#include "save-image.h"

#include <stdlib.h>
#include <string.h>

#define IND_DESTINATION 1u
#define IND_INDIRECTION 2u
#define IND_DONE 4u
#define IND_SOURCE 8u

/* Source: arch/x86/include/asm/kexec.h, KEXEC_CONTROL_CODE_MAX_SIZE */
#define CODE_SIZE 2048u
#define FIRST_MEBIBYTE 0x100000u

/*
 * The stores by which relocate_kernel fills the data slots, in their order, each without the 32-bit offset from the start of the
 * control page that ends it: esp, cr0, cr3, cr4, virtual address, page directory, swap page, head of the page list.
 */
static const struct {
	unsigned int length;
	unsigned char bytes[6];
} stores[] = {
	{ 2, { 0x89, 0xa7 } },
	{ 5, { 0x0f, 0x20, 0xc0, 0x89, 0x87 } },
	{ 5, { 0x0f, 0x20, 0xd8, 0x89, 0x87 } },
	{ 5, { 0x0f, 0x20, 0xe0, 0x89, 0x87 } },
	{ 2, { 0x89, 0xbf } },
	{ 2, { 0x89, 0x87 } },
	{ 2, { 0x89, 0x87 } },
	{ 2, { 0x89, 0x9f } },
};
enum { SLOT_CR3 = 2, SLOT_CR4 = 3, SLOT_SWAP_PAGE = 6, SLOT_HEAD = 7, SLOTS = 8 };

static uint32_t word_at(const unsigned char *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* The values of the data slots, found by decoding the code that fills them: their offsets change with the kernel. */
static void read_slots(const unsigned char *page, uint32_t entry, uint32_t *values)
{
	unsigned int at = 0;

	for (int slot = 0; slot < SLOTS; slot++) {
		const unsigned int length = stores[slot].length;

		while (at + length + 4 <= CODE_SIZE && memcmp(page + at, stores[slot].bytes, length) != 0)
			at++;
		if (at + length + 4 > CODE_SIZE || word_at(page + at + length) > PAGE_SIZE - 4)
			fail("The page of the re-entry point 0x%x is no control page of kernel A: it does not fill data slot %d.",
			     entry, slot);
		values[slot] = word_at(page + word_at(page + at + length));
		at += length + 4;
	}
}

static void read_control_page(struct left_kernel *kernel)
{
	const unsigned int offset = kernel->entry % PAGE_SIZE;
	unsigned char page[PAGE_SIZE];
	uint32_t values[SLOTS];

	kernel->control_page = kernel->entry & PAGE_MASK;
	if (!vmcore_read(kernel->core, kernel->control_page, page, sizeof(page)))
		fail("The control page 0x%x of the re-entry point is not in %s.", kernel->control_page, kernel->core->path);
	/* call *%edx, behind which a kernel is entered again */
	if (offset < 2 || offset >= CODE_SIZE || page[offset - 2] != 0xff || page[offset - 1] != 0xd2)
		fail("0x%x is not behind the call by which a kernel leaves: it is no re-entry point.", kernel->entry);
	read_slots(page, kernel->entry, values);
	kernel->cr3 = values[SLOT_CR3];
	kernel->cr4 = values[SLOT_CR4];
	kernel->swap_page = values[SLOT_SWAP_PAGE];
	kernel->head = values[SLOT_HEAD];
}

/* A frame that nothing has been moved to holds its own content: most are never touched, and cost no memory. */
static uint32_t held(const uint32_t *held_by, uint32_t frame)
{
	return held_by[frame] ? held_by[frame] : frame;
}

static void exchange(struct left_kernel *kernel, uint32_t *held_by, uint32_t destination, uint32_t source)
{
	const uint32_t one = destination / PAGE_SIZE, other = source / PAGE_SIZE, moved = held(held_by, one);

	held_by[one] = held(held_by, other);
	held_by[other] = moved;
	if (one != other)
		kernel->needed[one] = kernel->needed[other] = true;
	if (destination < FIRST_MEBIBYTE)
		return;
	if (destination < kernel->window_first)
		kernel->window_first = destination;
	if (destination + (PAGE_SIZE - 1) > kernel->window_last)
		kernel->window_last = destination + (PAGE_SIZE - 1);
}

/* Walks the page list as swap_pages does. held_by[frame] becomes the frame whose content has come there. */
static void walk_page_list(struct left_kernel *kernel, uint32_t *held_by)
{
	uint32_t words[PAGE_SIZE / 4], destination = 0, indirection = 0, next = 0, entry = kernel->head;
	bool *walked = allocate(kernel->frames, sizeof(*walked));

	kernel->window_first = UINT64_MAX;
	kernel->window_last = 0;
	while (!(entry & IND_DONE)) {
		const uint32_t page = entry & PAGE_MASK;

		if (page / PAGE_SIZE >= kernel->frames)
			fail("The page list leads to 0x%x, where there is no memory: kernel A could not come back.", page);
		if (entry & IND_DESTINATION) {
			destination = page;
		} else if (entry & IND_INDIRECTION) {
			if (walked[page / PAGE_SIZE] || !vmcore_read(kernel->core, page, words, sizeof(words)))
				fail("The page list at 0x%x never ends, or is not in %s: kernel A could not come back.", page,
				     kernel->core->path);
			walked[page / PAGE_SIZE] = kernel->needed[page / PAGE_SIZE] = true;
			indirection = page;
			next = 0;
		} else if (entry & IND_SOURCE) {
			if (destination / PAGE_SIZE >= kernel->frames)
				fail("The page list exchanges 0x%x, where there is no memory.", destination);
			exchange(kernel, held_by, destination, page);
			destination += PAGE_SIZE;
		} else {
			fail("The entry 0x%x of the page list has no flag that is known: kernel A could not come back.", entry);
		}
		if (indirection == 0 || next == PAGE_SIZE / 4)
			fail("The page list ends without its last entry: kernel A could not come back.");
		entry = words[next++];
	}
	free(walked);
	if (kernel->window_last == 0)
		fail("The page list exchanges nothing: 0x%x is no re-entry point of a kernel that left for a window.",
		     kernel->entry);
}

void left_kernel_read(struct left_kernel *kernel, const struct vmcore *core, uint32_t entry)
{
	uint32_t *held_by, low;
	uint64_t end;

	memset(kernel, 0, sizeof(*kernel));
	kernel->core = core;
	kernel->entry = entry;
	/* Memory behind the last range of the core can only be the window. */
	kernel->frames = LOW_FRAMES;
	kernel->needed = allocate(LOW_FRAMES, sizeof(*kernel->needed));
	held_by = allocate(LOW_FRAMES, sizeof(*held_by));
	read_control_page(kernel);
	walk_page_list(kernel, held_by);

	end = core->ranges[core->count - 1].end;
	if (end <= kernel->window_last)
		end = kernel->window_last + 1;
	kernel->frames = end / PAGE_SIZE;
	low = kernel->frames < LOW_FRAMES ? kernel->frames : LOW_FRAMES;
	kernel->content_at = allocate(low, sizeof(*kernel->content_at));
	for (uint32_t frame = 0; frame < low; frame++) {
		if (held(held_by, frame) < low)
			kernel->content_at[held(held_by, frame)] = frame;
	}
	free(held_by);
	kernel->needed[kernel->control_page / PAGE_SIZE] = true;
	kernel->needed[kernel->swap_page / PAGE_SIZE] = true;
}
