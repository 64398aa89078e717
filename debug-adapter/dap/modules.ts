/** Request family: modules and loaded sources: what code a session knows, and where it lies. */
import { basename } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { KERNEL_NAMES } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';

/** vmlinux and control page of each kernel, as far as they were found. */
export function modules(session: JumpSession): DebugProtocol.Module[] {
  return KERNEL_NAMES.flatMap((name) => {
    const kernel = session.kernels[name];
    const { vmlinux, relocateObject } = session.configuration.kernels[name];
    const found: DebugProtocol.Module[] = [];
    if (kernel.offset !== undefined) {
      const [start, end] = ['_text', '_end'].map((symbol) => kernel.address(symbol));
      found.push({
        id: `vmlinux ${name}`,
        name: `vmlinux (kernel ${name})`,
        path: vmlinux,
        version: kernel.file.banner ?? '',
        symbolStatus: kernel.offset === 0 ? 'Symbols loaded' : `Symbols loaded at +${hex(kernel.offset)}`,
        symbolFilePath: vmlinux,
        addressRange: `${hex(start!)}-${hex(end!)}`,
      });
    }
    if (kernel.controlPage) {
      const { virtual, physical } = kernel.controlPage;
      found.push({
        id: `control page ${name}`,
        name: `control page (kernel ${name})`,
        path: relocateObject,
        symbolStatus: `${basename(relocateObject)} at its virtual and its physical address`,
        addressRange: `${hex(virtual)}, physical ${hex(physical)}`,
      });
    }
    return found;
  });
}
