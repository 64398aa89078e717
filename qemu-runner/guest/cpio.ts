/**
 * The "newc" cpio archive, the format of an initramfs. Source: the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c.
 */

/** One member of an archive. */
export interface CpioEntry {
  /** Path inside the archive, e.g. "sbin/init" or "./sbin/init"; a leading slash or "./" is dropped. */
  name: string;
  /**
   * File type and permission bits as in `st_mode`: 0o100755 a program, 0o040755 a directory, 0o120777 a symbolic link.
   * Without type bits it is a regular file.
   */
  mode: number;
  /** Content; the target of a symbolic link; empty for a directory. */
  data: Uint8Array;
}

const TYPE_MASK = 0o170000;
const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const MAXIMUM_SIZE = 0xffffffff;

/**
 * Builds a newc archive. Reproducible: owner root, time 0, inodes numbered by position. Missing parent directories are
 * added in front of the first entry that needs them. The length is a multiple of 512 bytes, so archives, compressed
 * or not, can be put one behind the other: the kernel unpacks them all, a later file replacing an earlier one.
 * @throws RangeError for an empty or climbing name ("..", NUL) and for content of 4 GiB or more.
 */
export function newcArchive(entries: readonly CpioEntry[]): Uint8Array {
  const members: CpioEntry[] = [];
  const known = new Set<string>();
  for (const entry of entries) {
    const name = normalName(entry.name);
    for (const parent of parentsOf(name)) {
      if (!known.has(parent)) {
        known.add(parent);
        members.push({ name: parent, mode: DIRECTORY | 0o755, data: new Uint8Array() });
      }
    }
    known.add(name);
    members.push({ name, mode: entry.mode & TYPE_MASK ? entry.mode : entry.mode | REGULAR, data: entry.data });
  }
  const parts = members.map((member, index) => encode(member, index + 1));
  parts.push(encode({ name: TRAILER, mode: 0, data: new Uint8Array() }, 0));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat(parts, roundUp(length, 512));
}

/** A path without leading "./" and slashes. */
function normalName(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..') || name.includes('\0') || name === TRAILER) {
    throw new RangeError(`not a path for an archive: ${JSON.stringify(name)}`);
  }
  return parts.join('/');
}

/** The directories above a path, outermost first. */
function parentsOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** One member: 110 bytes of hexadecimal header, name and data, each padded to 4 bytes. */
function encode(member: CpioEntry, inode: number): Buffer {
  if (member.data.length > MAXIMUM_SIZE) throw new RangeError(`too large for a cpio archive: ${member.name}`);
  const name = Buffer.from(`${member.name}\0`, 'utf8');
  const isDirectory = (member.mode & TYPE_MASK) === DIRECTORY;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, member.mode, 0, 0, isDirectory ? 2 : 1, 0, member.data.length, 0, 0, 0, 0, name.length, 0];
  const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  const dataStart = roundUp(header.length + name.length, 4);
  const encoded = Buffer.alloc(roundUp(dataStart + member.data.length, 4));
  encoded.write(header, 'latin1');
  encoded.set(name, header.length);
  encoded.set(member.data, dataStart);
  return encoded;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
