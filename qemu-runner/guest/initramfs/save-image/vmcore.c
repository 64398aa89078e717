// SPDX-License-Identifier: MIT
/* Reads /proc/vmcore: an ELF core whose PT_LOADs are kernel A's memory without the window. */
#define _GNU_SOURCE
#include "save-image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_exactly(const struct vmcore *core, off_t offset, void *buffer, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t got = pread(core->fd, (char *)buffer + done, length - done, offset + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			fail("%s cannot be read at 0x%llx: %s.", core->path, (unsigned long long)(offset + done),
			     strerror(errno));
		if (got == 0)
			fail("%s ends at 0x%llx, within its memory.", core->path, (unsigned long long)(offset + done));
		done += got;
	}
}

static void find_vmcoreinfo(struct vmcore *core)
{
	for (size_t at = 0; at + sizeof(Elf32_Nhdr) <= core->notes_size;) {
		const Elf32_Nhdr *note = (const Elf32_Nhdr *)(core->notes + at);
		size_t name = at + sizeof(*note);
		size_t descriptor = name + ((note->n_namesz + 3ull) & ~3ull);
		size_t end = descriptor + note->n_descsz;

		if (descriptor < name || end < descriptor || end > core->notes_size)
			return;
		if (note->n_namesz == sizeof("VMCOREINFO") && strcmp((const char *)core->notes + name, "VMCOREINFO") == 0)
			core->vmcoreinfo = strndup((const char *)core->notes + descriptor, note->n_descsz);
		at = (end + 3) & ~(size_t)3;
	}
}

static void add_range(struct vmcore *core, const Elf64_Phdr *load)
{
	struct range *range = &core->ranges[core->count++];

	range->start = load->p_paddr;
	range->end = load->p_paddr + load->p_filesz;
	range->offset = load->p_offset;
	if (range->start % PAGE_SIZE || range->end % PAGE_SIZE)
		fail("The range 0x%llx-0x%llx of %s is not of whole pages, which is all that kexec can load.",
		     (unsigned long long)range->start, (unsigned long long)range->end, core->path);
	if (core->count > 1 && range[-1].end > range->start)
		fail("The ranges of %s overlap, or do not ascend, at 0x%llx.", core->path,
		     (unsigned long long)range->start);
}

static Elf64_Phdr widened(const Elf32_Phdr *program)
{
	return (Elf64_Phdr){
		.p_type = program->p_type,
		.p_offset = program->p_offset,
		.p_paddr = program->p_paddr,
		.p_filesz = program->p_filesz,
		.p_memsz = program->p_memsz,
	};
}

/* @count: is set to their number. An ELF64 core is written for memory above 4 GiB. */
static Elf64_Phdr *read_programs(const struct vmcore *core, unsigned int *count)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr narrow;
		Elf64_Ehdr wide;
	} header;
	Elf64_Phdr *programs;

	read_exactly(core, 0, &header, sizeof(header));
	if (memcmp(header.ident, ELFMAG, SELFMAG) != 0)
		fail("%s is not an ELF core.", core->path);
	/* e_machine is at the same place in both */
	if (header.narrow.e_machine != EM_386)
		fail("%s is not a core of an i386 kernel, the only one that is resumed.", core->path);
	if (header.ident[EI_CLASS] == ELFCLASS64) {
		*count = header.wide.e_phnum;
		programs = allocate(*count, sizeof(*programs));
		read_exactly(core, header.wide.e_phoff, programs, *count * sizeof(*programs));
		return programs;
	}
	*count = header.narrow.e_phnum;
	programs = allocate(*count, sizeof(*programs));
	for (unsigned int i = 0; i < *count; i++) {
		Elf32_Phdr program;

		read_exactly(core, header.narrow.e_phoff + i * sizeof(program), &program, sizeof(program));
		programs[i] = widened(&program);
	}
	return programs;
}

void vmcore_open(struct vmcore *core, const char *path)
{
	Elf64_Phdr *programs;
	unsigned int count;

	memset(core, 0, sizeof(*core));
	core->path = path;
	core->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (core->fd < 0)
		fail("%s cannot be opened: %s. It is there in kernel B only.", path, strerror(errno));
	programs = read_programs(core, &count);
	core->ranges = allocate(count, sizeof(*core->ranges));
	for (unsigned int i = 0; i < count; i++) {
		if (programs[i].p_type == PT_LOAD && programs[i].p_filesz > 0)
			add_range(core, &programs[i]);
		if (programs[i].p_type != PT_NOTE || core->notes)
			continue;
		core->notes_size = (programs[i].p_filesz + 3) & ~3u;
		core->notes = allocate(1, core->notes_size);
		read_exactly(core, programs[i].p_offset, core->notes, programs[i].p_filesz);
	}
	free(programs);
	if (core->count == 0)
		fail("%s has no memory.", path);
	find_vmcoreinfo(core);
}

bool vmcore_read(const struct vmcore *core, uint64_t address, void *buffer, size_t length)
{
	for (unsigned int i = 0; i < core->count; i++) {
		const struct range *range = &core->ranges[i];

		if (address < range->start || address + length > range->end)
			continue;
		read_exactly(core, range->offset + (off_t)(address - range->start), buffer, length);
		return true;
	}
	return false;
}

const char *vmcoreinfo_value(const struct vmcore *core, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = core->vmcoreinfo; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == '=')
			return line + length + 1;
	}
	return NULL;
}
