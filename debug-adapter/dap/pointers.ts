/** What pointers say, as gdb writes their types and values. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import type { KernelName } from '../jump/kernel.ts';

/** Types whose value is an address that can be followed: `T *`, `T (*)[N]`. */
const POINTER = /\*$|\(\*\)\[/;
const POINTER_TO_VOID = /\bvoid \*$/;

/** The address at the beginning of a pointer's value. */
const addressIn = (value: string): string | undefined => /^(?:\([^)]*\) )?(0x[0-9a-f]+)/.exec(value)?.[1];

/** Whether a value can be opened to show what it points to. */
export const pointsToSomething = (type: string, value: string): boolean =>
  POINTER.test(type) && !POINTER_TO_VOID.test(type) && addressIn(value) !== undefined;

/** Where a pointer's target can be opened as memory. */
export function memoryReferenceOf(kernel: KernelName, type: string, value: string): { memoryReference?: string } {
  const pointer = type.endsWith('*') ? addressIn(value) : undefined;
  return pointer === undefined ? {} : { memoryReference: `${kernel}:${pointer}` };
}

/** What lies at an address can be watched. */
export function watchable(
  kernel: KernelName,
  address: number,
  bytes: number,
  name: string,
): DebugProtocol.DataBreakpointInfoResponse['body'] {
  return {
    dataId: `${kernel}:${hex(address)}:${bytes}`,
    description: `${name} of kernel ${kernel} (${bytes} bytes at ${hex(address)})`,
    accessTypes: ['write', 'read', 'readWrite'],
  };
}
