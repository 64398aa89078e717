// SPDX-License-Identifier: MIT
/*
 * The image: an ELF core of the pages that are kept, with the note that marks it as resumable. It is an ELF32 one where that can tell of
 * all memory, and has room for it.
 */
#include "save-image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Runs of fewer pages are not worth a PT_LOAD of their own; and with this, for each 4 GiB, no memory has more of them than e_phnum
 * can count.
 */
#define SHORTEST_GAP 16u

static uint32_t shortest_gap(const struct vmcore *core)
{
	return SHORTEST_GAP * (1 + (core->ranges[core->count - 1].end - 1) / PAGE_SIZE / LOW_FRAMES);
}

static size_t aligned(size_t length, size_t step)
{
	return (length + step - 1) / step * step;
}

/* Keeps what lies between kept pages in gaps that are too short. */
static void keep_short_gaps(const struct range *range, uint32_t shortest, bool *kept)
{
	const uint32_t end = range->end / PAGE_SIZE;
	uint32_t behind = range->start / PAGE_SIZE;

	for (uint32_t frame = behind; frame < end; frame++) {
		if (!kept[frame])
			continue;
		if (frame - behind < shortest)
			memset(kept + behind, true, frame - behind);
		behind = frame + 1;
	}
}

/* Each run of kept pages is a PT_LOAD, together with what was left out behind it: that comes back as zeros. */
static void add_loads(struct image *image, const struct range *range, const bool *kept)
{
	const uint32_t end = range->end / PAGE_SIZE;
	Elf64_Phdr *load = NULL;

	for (uint32_t frame = range->start / PAGE_SIZE; frame < end; frame++) {
		if (!load || (kept[frame] && load->p_filesz < load->p_memsz)) {
			if (image->count % 256 == 0)
				image->loads = realloc(image->loads, (image->count + 256) * sizeof(*image->loads));
			if (!image->loads)
				fail("There is not enough memory for %u program headers.", image->count);
			load = &image->loads[image->count++];
			*load = (Elf64_Phdr){
				.p_type = PT_LOAD,
				.p_paddr = (uint64_t)frame * PAGE_SIZE,
				.p_flags = PF_R | PF_W | PF_X,
			};
		}
		load->p_memsz += PAGE_SIZE;
		if (kept[frame])
			load->p_filesz += PAGE_SIZE;
	}
}

static size_t write_note(unsigned char *at, const struct resume_note *note)
{
	static const char owner[12] = RESUME_NOTE_OWNER;
	const Elf32_Nhdr header = { sizeof(RESUME_NOTE_OWNER), sizeof(*note), RESUME_NOTE_TYPE };

	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), owner, sizeof(owner));
	memcpy(at + sizeof(header) + sizeof(owner), note, sizeof(*note));
	return sizeof(header) + sizeof(owner) + sizeof(*note);
}

static bool needs_elf64(const struct image *image)
{
	const Elf64_Phdr *last = &image->loads[image->count - 1];
	/* More than the headers have */
	uint64_t size = (uint64_t)image->count * sizeof(*last) + (1u << 24);

	for (unsigned int i = 0; i < image->count; i++)
		size += image->loads[i].p_filesz;
	return last->p_paddr + last->p_memsz > 1ull << 32 || size > UINT32_MAX;
}

static void write_program(unsigned char *programs, unsigned int number, const Elf64_Phdr *wide, bool is_wide)
{
	const Elf32_Phdr narrow = {
		.p_type = wide->p_type,
		.p_flags = wide->p_flags,
		.p_offset = wide->p_offset,
		.p_paddr = wide->p_paddr,
		.p_filesz = wide->p_filesz,
		.p_memsz = wide->p_memsz,
	};

	if (is_wide)
		memcpy(programs + number * sizeof(*wide), wide, sizeof(*wide));
	else
		memcpy(programs + number * sizeof(narrow), &narrow, sizeof(narrow));
}

static void write_elf_header(unsigned char *at, uint64_t entry, unsigned int programs, bool is_wide)
{
	const unsigned char ident[EI_NIDENT] = {
		ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, is_wide ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB, EV_CURRENT,
	};
	const Elf32_Ehdr narrow = {
		.e_type = ET_CORE,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_entry = entry,
		.e_phoff = sizeof(narrow),
		.e_ehsize = sizeof(narrow),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = programs,
	};
	const Elf64_Ehdr wide = {
		.e_type = ET_CORE,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_entry = entry,
		.e_phoff = sizeof(wide),
		.e_ehsize = sizeof(wide),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = programs,
	};

	if (is_wide)
		memcpy(at, &wide, sizeof(wide));
	else
		memcpy(at, &narrow, sizeof(narrow));
	memcpy(at, ident, sizeof(ident));
}

/* The first pages of the file: ELF header, program headers, notes. */
static void build_header(struct image *image, const struct vmcore *core, const struct resume_note *note)
{
	const bool is_wide = needs_elf64(image);
	const size_t programs = is_wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	const size_t notes = programs + (image->count + 1) * (is_wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
	Elf64_Phdr program = { .p_type = PT_NOTE, .p_offset = notes };
	size_t end;

	image->header_size = aligned(notes + core->notes_size + 256, PAGE_SIZE);
	image->header = allocate(1, image->header_size);
	memcpy(image->header + notes, core->notes, core->notes_size);
	end = notes + core->notes_size;
	end += write_note(image->header + end, note);

	write_elf_header(image->header, note->entry, image->count + 1, is_wide);
	program.p_filesz = program.p_memsz = end - notes;
	write_program(image->header + programs, 0, &program, is_wide);
	image->size = image->header_size;
	for (unsigned int i = 0; i < image->count; i++) {
		image->loads[i].p_offset = image->size;
		image->size += image->loads[i].p_filesz;
		write_program(image->header + programs, i + 1, &image->loads[i], is_wide);
	}
}

void image_plan(struct image *image, const struct vmcore *core, bool *kept, const struct resume_note *note)
{
	memset(image, 0, sizeof(*image));
	for (unsigned int i = 0; i < core->count; i++) {
		keep_short_gaps(&core->ranges[i], shortest_gap(core), kept);
		add_loads(image, &core->ranges[i], kept);
	}
	build_header(image, core, note);
}
