// SPDX-License-Identifier: MIT
/*
 * The target of a save. Whatever interrupts it, nothing is left that looks like an image: a file gets its name when it is whole,
 * and the first page says "unfinished" until everything else has reached the disk.
 */
#define _GNU_SOURCE
#include "save-image.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define UNFINISHED "KEXEC JUMP IMAGE, UNFINISHED\n"

static const char *path;
/* The file until it is whole; NULL for a block device. */
static char *unfinished;
static int fd = -1;

static void flush(void)
{
	if (fsync(fd) != 0)
		fail("%s: what was written does not reach the disk: %s.", path, strerror(errno));
}

/* Page 0 of what is there is spoiled before anything else of it. */
static void mark_unfinished(void)
{
	unsigned char page[PAGE_SIZE] = UNFINISHED;

	target_write(0, page, sizeof(page));
	flush();
}

static void check_space(uint64_t needed, uint64_t available)
{
	if (available < needed)
		fail("%s is too small: the image needs %llu bytes, and there are %llu.", path, (unsigned long long)needed,
		     (unsigned long long)available);
}

static void open_device(uint64_t size)
{
	uint64_t available;

	/* O_EXCL: not while it is mounted */
	fd = open(path, O_WRONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		fail("%s cannot be written: %s%s.", path, strerror(errno),
		     errno == EBUSY ? "; it is mounted: name a file in it, or unmount it" : "");
	if (ioctl(fd, BLKGETSIZE64, &available) != 0)
		fail("%s does not tell its size: %s.", path, strerror(errno));
	check_space(size, available);
}

static void open_file(uint64_t size)
{
	struct statvfs system;
	char *folder = strdup(path);

	if (strncmp(path, "/dev/", 5) == 0)
		fail("There is no device %s.", path);
	if (asprintf(&unfinished, "%s.unfinished", path) < 0)
		fail("There is not enough memory.");
	/* What a save that was killed has left */
	unlink(unfinished);
	if (statvfs(dirname(folder), &system) != 0)
		fail("%s cannot be written: its folder: %s.", path, strerror(errno));
	free(folder);
	check_space(size, (uint64_t)system.f_bavail * system.f_frsize);
	fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		const int error = errno;

		unfinished = NULL;
		fail("%s cannot be written: %s.", path, strerror(error));
	}
}

void target_open(const char *name, uint64_t size)
{
	struct stat status;
	bool exists;

	path = name;
	exists = stat(path, &status) == 0;
	if (exists && S_ISBLK(status.st_mode))
		open_device(size);
	else if (!exists || S_ISREG(status.st_mode))
		open_file(size);
	else
		fail("%s is neither a file nor a block device.", path);
	mark_unfinished();
}

void target_write(uint64_t offset, const void *buffer, size_t length)
{
	for (size_t done = 0; done < length;) {
		const ssize_t written = pwrite(fd, (const char *)buffer + done, length - done, offset + done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			fail("%s cannot be written at byte %llu: %s.", path, (unsigned long long)(offset + done),
			     strerror(written < 0 ? errno : ENOSPC));
		done += written;
	}
}

/* The new name of a file is in its folder, which has to reach the disk too. */
static void rename_to_target(void)
{
	char *folder = strdup(path);
	int directory;

	if (rename(unfinished, path) != 0)
		fail("%s cannot be renamed to %s: %s.", unfinished, path, strerror(errno));
	unfinished = NULL;
	directory = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || fsync(directory) != 0)
		fail("The folder of %s does not reach the disk: %s.", path, strerror(errno));
	close(directory);
	free(folder);
}

void target_finish(const void *header, size_t length)
{
	target_write(PAGE_SIZE, (const char *)header + PAGE_SIZE, length - PAGE_SIZE);
	flush();
	target_write(0, header, PAGE_SIZE);
	flush();
	/* The kexec_load that follows gives up where it would have to wait for memory (__GFP_NORETRY) */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (unfinished)
		rename_to_target();
}

void target_discard(void)
{
	if (unfinished)
		unlink(unfinished);
	unfinished = NULL;
}
