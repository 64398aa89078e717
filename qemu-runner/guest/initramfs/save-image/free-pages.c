// SPDX-License-Identifier: MIT
/*
 * Which pages kernel A's buddy allocator has free, as makedumpfile decides it on i386 with one array of struct pages.
 * Source: makedumpfile.c (page_is_buddy_v3, __exclude_unnecessary_pages), mm/page_alloc.c (set_buddy_order).
 */
#include "save-image.h"

#include <stdlib.h>
#include <string.h>

#define CR4_PAE 0x20u
#define PRESENT 0x01u
#define LARGE_PAGE 0x80u
/* Page tables lie below 4 GiB, and so does all that is read here: kernel A maps it for itself. */
#define BEYOND_4_GIB (0x7fffffffull << 32)
/* Struct pages that are read at once */
#define BATCH 128u

/* Where things are in a struct page, and what tells a free one. */
struct page_layout {
	uint32_t size;
	uint32_t flags;
	uint32_t mapcount;
	uint32_t private;
	uint32_t slab_mask;
	uint32_t buddy_mapcount;
	uint32_t orders;
};

static uint32_t number_of(const struct vmcore *core, const char *key, int base)
{
	const char *value = vmcoreinfo_value(core, key);

	if (!value)
		fail("Free pages cannot be told: kernel A's VMCOREINFO has no %s. Save with level 0 or 1.", key);
	return base == 16 ? strtoul(value, NULL, 16) : (uint32_t)strtol(value, NULL, 10);
}

/* Since Linux 6.10 slab pages are told by _mapcount, which then is not that of a free page. */
static uint32_t slab_mask_of(const struct vmcore *core)
{
	if (vmcoreinfo_value(core, "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)"))
		return 0;
	return 1u << number_of(core, "NUMBER(PG_slab)", 10);
}

/* Reads memory as kernel A knew it: a page that was swapped out is taken from where it is now. */
static bool read_as_left(const struct left_kernel *kernel, uint32_t address, void *buffer, size_t length)
{
	const uint32_t frame = address / PAGE_SIZE;

	return frame < kernel->frames &&
	       vmcore_read(kernel->core, (uint64_t)kernel->content_at[frame] * PAGE_SIZE + address % PAGE_SIZE, buffer, length);
}

static bool entry_of(const struct left_kernel *kernel, uint32_t table, uint32_t index, uint64_t *entry)
{
	const size_t size = kernel->cr4 & CR4_PAE ? 8 : 4;

	*entry = 0;
	return read_as_left(kernel, table + index * size, entry, size) && *entry & PRESENT && !(*entry & BEYOND_4_GIB);
}

/* Through the page tables that kernel A had when it left: two levels, with PAE three. */
static bool translate(const struct left_kernel *kernel, uint32_t virtual, uint32_t *physical)
{
	const unsigned int bits = kernel->cr4 & CR4_PAE ? 9 : 10;
	const uint32_t mask = (1u << bits) - 1, large_offset = (1u << (12 + bits)) - 1;
	uint64_t entry = kernel->cr3;

	/* The table of the uppermost level with PAE has four entries, and may begin within a page. */
	if (kernel->cr4 & CR4_PAE && !entry_of(kernel, kernel->cr3 & ~0x1fu, virtual >> 30, &entry))
		return false;
	if (!entry_of(kernel, entry & PAGE_MASK, virtual >> (12 + bits) & mask, &entry))
		return false;
	if (entry & LARGE_PAGE) {
		*physical = ((uint32_t)entry & ~large_offset) | (virtual & large_offset);
		return true;
	}
	if (!entry_of(kernel, entry & PAGE_MASK, virtual >> 12 & mask, &entry))
		return false;
	*physical = ((uint32_t)entry & PAGE_MASK) | virtual % PAGE_SIZE;
	return true;
}

static void read_virtual(const struct left_kernel *kernel, uint32_t virtual, void *buffer, size_t length)
{
	for (size_t done = 0; done < length;) {
		const uint32_t at = virtual + done;
		size_t piece = PAGE_SIZE - at % PAGE_SIZE;
		uint32_t physical;

		if (piece > length - done)
			piece = length - done;
		if (!translate(kernel, at, &physical) || !read_as_left(kernel, physical, (char *)buffer + done, piece))
			fail("Free pages cannot be told: kernel A's memory at virtual 0x%x cannot be read. Save with level 0 or 1.",
			     at);
		done += piece;
	}
}

static uint32_t word_at(const unsigned char *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Pages in the free block that begins with this one, or 0. */
static uint32_t free_block(const struct page_layout *layout, const unsigned char *page)
{
	const uint32_t order = word_at(page + layout->private);

	if (word_at(page + layout->flags) & layout->slab_mask)
		return 0;
	if (word_at(page + layout->mapcount) != layout->buddy_mapcount || order >= layout->orders)
		return 0;
	return 1u << order;
}

void drop_free_pages(const struct left_kernel *kernel, bool *kept)
{
	const struct vmcore *core = kernel->core;
	const struct page_layout layout = {
		.size = number_of(core, "SIZE(page)", 10),
		.flags = number_of(core, "OFFSET(page.flags)", 10),
		.mapcount = number_of(core, "OFFSET(page._mapcount)", 10),
		.private = number_of(core, "OFFSET(page.private)", 10),
		.slab_mask = slab_mask_of(core),
		.buddy_mapcount = number_of(core, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", 10),
		.orders = number_of(core, "LENGTH(zone.free_area)", 10),
	};
	const uint32_t node = number_of(core, "SYMBOL(contig_page_data)", 16);
	unsigned char *pages = allocate(BATCH, layout.size);
	uint32_t map, start, spanned, free_until = 0;

	read_virtual(kernel, number_of(core, "SYMBOL(mem_map)", 16), &map, sizeof(map));
	read_virtual(kernel, node + number_of(core, "OFFSET(pglist_data.node_start_pfn)", 10), &start, sizeof(start));
	read_virtual(kernel, node + number_of(core, "OFFSET(pglist_data.node_spanned_pages)", 10), &spanned, sizeof(spanned));
	if (start + spanned < start || start + spanned > kernel->frames)
		fail("Free pages cannot be told: kernel A has page frames %u to %u of %u. Save with level 0 or 1.", start,
		     start + spanned, kernel->frames);

	for (uint32_t first = start; first < start + spanned; first += BATCH) {
		const uint32_t left = start + spanned - first, count = left < BATCH ? left : BATCH;

		read_virtual(kernel, map + first * layout.size, pages, count * layout.size);
		for (uint32_t frame = first; frame < first + count; frame++) {
			if (frame >= free_until)
				free_until = frame + free_block(&layout, pages + (frame - first) * layout.size);
			if (frame < free_until && !is_needed(kernel, frame))
				kept[frame] = false;
		}
	}
	free(pages);
}
