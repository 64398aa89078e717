/**
 * Request family: readMemory, writeMemory. A memory reference is `KERNEL:ADDRESS` with a virtual address, `physical:ADDRESS`, or
 * an address of the live kernel. Where a person types it, the address may be an expression: `A:&init_task`.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError, memoryUnreadable, noSuchAddress } from '../errors.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { PAGE_SIZE } from '../../vmcore-viewer/core/physicalMemory.ts';
import type { KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';

/** Longest piece of memory that one request may ask for, in bytes. */
const LONGEST_READ = 64 << 20;

/** A place in memory: a kernel's virtual address, or a physical one. */
export interface Place {
  space: KernelName | 'physical';
  address: number;
}

/** Resolves a memory reference. @throws UserFacingError `no-such-address`. */
export async function resolveReference(session: JumpSession, reference: string, offset = 0): Promise<Place> {
  const [, name, written = ''] = /^(?:(A|B|physical):)?(.*)$/s.exec(reference.trim()) ?? [];
  const space = (name as Place['space'] | undefined) ?? session.live;
  const address = Number(written || NaN);
  if (!Number.isNaN(address)) return { space, address: (address + offset) >>> 0 };
  const kernel = space === 'physical' ? session.live : space;
  try {
    const value = await session.gdbs[kernel].evaluate(`(unsigned long)(${written})`);
    return { space, address: (Number(value) + offset) >>> 0 };
  } catch (error) {
    if (!(error instanceof GdbCommandError)) throw error;
    throw noSuchAddress(reference, error.gdbMessage);
  }
}

/** Reads up to the first byte that is not there. */
export async function readMemory(
  session: JumpSession,
  { memoryReference, offset = 0, count }: DebugProtocol.ReadMemoryArguments,
): Promise<DebugProtocol.ReadMemoryResponse['body']> {
  const place = await resolveReference(session, memoryReference, offset);
  const bytes = await readAsFarAsThere(session, place, Math.min(count, LONGEST_READ));
  return { address: hex(place.address), data: bytes.toString('base64'), unreadableBytes: count - bytes.length };
}

export async function writeMemory(
  session: JumpSession,
  { memoryReference, offset = 0, data }: DebugProtocol.WriteMemoryArguments,
): Promise<DebugProtocol.WriteMemoryResponse['body']> {
  const { space, address } = await resolveReference(session, memoryReference, offset);
  const bytes = Buffer.from(data, 'base64');
  session.run.mustBeOnCpu(space === 'physical' ? session.live : space);
  if (!(await session.writeMemory(space, address, bytes))) throw memoryUnreadable(space, address);
  return { bytesWritten: bytes.length };
}

async function readAsFarAsThere(session: JumpSession, { space, address }: Place, length: number): Promise<Buffer> {
  const whole = await session.readMemory(space, address, length);
  if (whole) return whole;
  const pages: Buffer[] = [];
  for (let at = address; at < address + length;) {
    const size = Math.min(PAGE_SIZE - (at % PAGE_SIZE), address + length - at);
    const page = await session.readMemory(space, at, size);
    if (!page) break;
    pages.push(page);
    at += size;
  }
  return Buffer.concat(pages);
}
