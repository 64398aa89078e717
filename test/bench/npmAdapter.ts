/** The npm package cdt-gdb-adapter: its adapter for gdb on a remote stub, attached to a machine that runs already. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolders } from '../../qemu-runner/guest/cache.ts';
import type { Lab } from '../../qemu-runner/guest/lab.ts';
import type { DapClient } from '../../debug-adapter/cli/dapClient.ts';
import { DapContender } from './dapContender.ts';
import { GuestMachine } from './guestMachine.ts';

const PACKAGE = 'cdt-gdb-adapter';
const VERSION = '1.7.0';
const INSTALL_SECONDS = 300;

export class NpmAdapter extends DapContender {
  readonly name = 'npm adapter';

  private constructor(
    client: DapClient,
    private readonly machine: GuestMachine,
  ) {
    super(client);
  }

  /** Installs the package if it is not there, starts a machine and attaches to it. `gdb` is the program to start. */
  static async start(lab: Lab, gdb = 'gdb'): Promise<NpmAdapter> {
    const program = await installedProgram();
    const machine = await GuestMachine.start(lab);
    const adapter = new NpmAdapter(DapContender.startAdapter(program), machine);
    try {
      await adapter.initialize('gdbtarget', 'attach', {
        gdb,
        program: lab.vmlinux,
        target: { type: 'remote', parameters: [machine.gdbSocket] },
      });
      return adapter;
    } catch (error) {
      await adapter.end();
      throw error;
    }
  }

  override async end(): Promise<void> {
    await super.end();
    await this.machine.end();
  }
}

/** Path of the adapter's program. Kept beside the lab guest, out of our own dependencies; nothing of it is compiled. */
async function installedProgram(): Promise<string> {
  const folder = join(cacheFolders().root, 'bench', `${PACKAGE}-${VERSION}`);
  const program = join(folder, 'node_modules', PACKAGE, 'dist', 'debugTargetAdapter.js');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const install = ['install', '--prefix', folder, `${PACKAGE}@${VERSION}`];
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
  await promisify(execFile)('npm', [...install, ...options], { timeout: INSTALL_SECONDS * 1000 });
  return program;
}
