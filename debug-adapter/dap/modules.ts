/** Request family: modules and loaded sources: what code a session knows, and where it lies. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { list, text, tuple } from '../gdb/mi.ts';
import { KERNEL_NAMES } from '../jump/kernel.ts';
import type { JumpSession } from '../jump/session.ts';

/** gdb reads every line table for it. */
const SOURCES_SECONDS = 60;
const MOST_GLOBALS = 200;

/** vmlinux and control page of each kernel, as far as they were found. */
export function modules(session: JumpSession): DebugProtocol.Module[] {
  return KERNEL_NAMES.flatMap((name) => {
    const kernel = session.kernels[name];
    const { vmlinux, relocateObject } = session.configuration.kernels[name];
    const found: DebugProtocol.Module[] = [];
    if (kernel.boot.offset !== undefined) {
      const [start, end] = ['_text', '_end'].map((symbol) => kernel.address(symbol));
      found.push({
        id: `vmlinux ${name}`,
        name: `vmlinux (kernel ${name})`,
        path: vmlinux,
        version: kernel.file.banner ?? '',
        symbolStatus: kernel.boot.offset === 0 ? 'Symbols loaded' : `Symbols loaded at +${hex(kernel.boot.offset)}`,
        symbolFilePath: vmlinux,
        addressRange: `${hex(start!)}-${hex(end!)}`,
      });
    }
    if (kernel.boot.controlPage) {
      const { virtual, physical } = kernel.boot.controlPage;
      found.push({
        id: `control page ${name}`,
        name: `control page (kernel ${name})`,
        path: relocateObject,
        symbolStatus: `${basename(relocateObject)} at its virtual and its physical address`,
        addressRange: `${hex(virtual)}, physical ${hex(physical)}`,
      });
    }
    const { purgatory } = kernel.boot;
    if (purgatory) {
      const peer = name === 'A' ? 'B' : 'A';
      found.push({
        id: `purgatory ${peer}`,
        name: `purgatory (before kernel ${peer})`,
        addressRange: `physical ${hex(purgatory.address)}-${hex(purgatory.address + purgatory.size)}`,
      });
    }
    return found;
  });
}

/** Source files of both kernels that are on this machine. */
export async function loadedSources(session: JumpSession): Promise<DebugProtocol.Source[]> {
  const paths = new Set<string>();
  for (const name of KERNEL_NAMES) {
    const gdb = session.gdbs[name];
    if (gdb.isRunning) continue;
    const { files } = await gdb.command('-file-list-exec-source-files', SOURCES_SECONDS);
    for (const file of list(files).map(tuple)) paths.add(text(file['fullname']));
  }
  return [...paths]
    .filter((path) => path && existsSync(path))
    .sort()
    .map((path) => ({ name: basename(path), path }));
}

/** Names of global variables that contain a text; those that begin with it first. */
export function findGlobals(session: JumpSession, part: string): string[] {
  const names = new Set(KERNEL_NAMES.flatMap((name) => session.kernels[name].file.variablesWith(part)));
  const rank = (name: string): number => (name === part ? 0 : name.startsWith(part) ? 1 : 2);
  return [...names].sort((one, other) => rank(one) - rank(other) || one.localeCompare(other)).slice(0, MOST_GLOBALS);
}
