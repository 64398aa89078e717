/** Request family: readMemory, writeMemory. A reference is `KERNEL:0xADDRESS`, the address virtual. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { GdbCommandError, kernelDormant, memoryUnreadable } from '../errors.ts';
import { list, text, tuple } from '../gdb/mi.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import type { KernelName } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';

/** Splits a reference; one without a kernel is the live one's. */
export function resolveReference(
  session: JumpSession,
  reference: string,
  offset: number,
): { kernel: KernelName; address: number } {
  const [, name, address] = /^(?:([AB]):)?(.*)$/.exec(reference) ?? [];
  return { kernel: (name as KernelName | undefined) ?? session.live, address: (Number(address) + offset) >>> 0 };
}

export async function readMemory(
  session: JumpSession,
  { memoryReference, offset = 0, count }: DebugProtocol.ReadMemoryArguments,
): Promise<DebugProtocol.ReadMemoryResponse['body']> {
  const { kernel, address } = resolveReference(session, memoryReference, offset);
  if (count === 0) return { address: hex(address) };
  try {
    const results = await session.gdbs[kernel].command(`-data-read-memory-bytes ${hex(address)} ${count}`);
    const [block] = list(results['memory']).map(tuple);
    const bytes = Buffer.from(text(block?.['contents']), 'hex');
    return { address: hex(address), data: bytes.toString('base64'), unreadableBytes: count - bytes.length };
  } catch (error) {
    if (!(error instanceof GdbCommandError)) throw error;
    return { address: hex(address), unreadableBytes: count };
  }
}

export async function writeMemory(
  session: JumpSession,
  { memoryReference, offset = 0, data }: DebugProtocol.WriteMemoryArguments,
): Promise<DebugProtocol.WriteMemoryResponse['body']> {
  const { kernel, address } = resolveReference(session, memoryReference, offset);
  if (kernel !== session.live) throw kernelDormant(kernel, session.live);
  const bytes = Buffer.from(data, 'base64');
  try {
    await session.gdbs[kernel].command(`-data-write-memory-bytes ${hex(address)} ${bytes.toString('hex')}`);
  } catch (error) {
    if (error instanceof GdbCommandError) throw memoryUnreadable(kernel, address);
    throw error;
  }
  return { bytesWritten: bytes.length };
}
