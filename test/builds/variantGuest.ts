/** A lab guest that is built from a changed configuration or without some patches, beside the one of the package. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_GUEST, guestOf, type GuestName } from '../../qemu-runner/guest/guests.ts';
import { ensureLab, type Lab } from '../../qemu-runner/guest/lab.ts';

const GUEST = join(import.meta.dirname, '..', '..', 'qemu-runner', 'guest');
const DIRECTORY_VARIABLE = 'KEXEC_JUMP_GUEST_DIRECTORY';

export interface Variant {
  /** Default: the lab's. */
  guest?: GuestName;
  /** Options without "CONFIG_" that are not set, and those that are. */
  without?: readonly string[];
  with?: readonly string[];
  /** Whether kexec is Debian's, without our series. */
  stockKexec?: boolean;
  /** Numbers of patches that are left out, "0004": of the kernel, and of kexec-tools. */
  withoutPatches?: { kernel?: readonly string[]; kexec?: readonly string[] };
}

/** Without what a jump, a save and a resume need; Debian's kexec. */
export const LACKING = {
  without: ['KEXEC_JUMP', 'PROC_VMCORE', 'DEVMEM'],
  stockKexec: true,
} satisfies Variant;

/** Builds it, or finds it built. The package's own stays in the cache, of which only the latest are kept. */
export async function buildVariant(variant: Variant): Promise<Lab> {
  const { guest = DEFAULT_GUEST, without = [], with: more = [], stockKexec = false, withoutPatches = {} } = variant;
  const folder = mkdtempSync(join(tmpdir(), 'variant-guest-'));
  try {
    cpSync(GUEST, folder, { recursive: true });
    const config = join(folder, 'kernel', 'lab.config');
    const lines = readFileSync(config, 'utf8')
      .split('\n')
      .filter((line) => !without.some((name) => line.startsWith(`CONFIG_${name}=`)));
    const off = without.map((name) => `# CONFIG_${name} is not set`);
    writeFileSync(config, [...lines, ...off, ...more.map((name) => `CONFIG_${name}=y`), ''].join('\n'));
    const [kernel, kexec] = [
      join(folder, 'kernel', 'patches', `series-${guestOf(guest).linux}`),
      join(folder, 'kexec-tools', 'patches', 'series'),
    ];
    leaveOut(kernel, withoutPatches.kernel);
    leaveOut(kexec, withoutPatches.kexec);
    if (stockKexec) writeFileSync(kexec, '');
    process.env[DIRECTORY_VARIABLE] = folder;
    return await ensureLab({ guest });
  } finally {
    Reflect.deleteProperty(process.env, DIRECTORY_VARIABLE);
    rmSync(folder, { recursive: true });
    // The source tree is one for all builds: it gets its patches back.
    await ensureLab();
  }
}

function leaveOut(series: string, numbers: readonly string[] = []): void {
  const names = readFileSync(series, 'utf8').split('\n');
  writeFileSync(series, names.filter((name) => !numbers.some((number) => name.startsWith(`${number}-`))).join('\n'));
}
