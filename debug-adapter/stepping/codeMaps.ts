/** The code maps of one kernel, read from its gdb once for each function. */
import { GdbCommandError } from '../errors.ts';
import type { KernelGdb } from '../gdb/kernelGdb.ts';
import { CodeMap } from './codeMap.ts';

/** Reads the live kernel's memory at a virtual address; `undefined` when it is not mapped. */
type Read = (address: number, length: number) => Promise<Buffer | undefined>;

interface KnownFunction {
  map: CodeMap;
  /** The code as it was: the kernel changes its own (static keys, probes). */
  code: { address: number; bytes: Buffer }[];
}

export class CodeMaps {
  private readonly byAddress = new Map<number, KnownFunction>();
  private isAvailable = true;

  constructor(
    private readonly gdb: KernelGdb,
    private readonly read: Read,
  ) {}

  /** The function that an instruction belongs to; `undefined` when gdb knows no lines of it, or has no Python. */
  async around(pc: number): Promise<CodeMap | undefined> {
    if (!this.isAvailable) return undefined;
    const known = this.byAddress.get(pc);
    if (known && (await this.isCurrent(known))) return known.map;
    const map = await this.ask(pc);
    if (!map?.at(pc)) return undefined;
    const code = await this.readCode(map);
    for (const address of map.addresses()) this.byAddress.set(address, { map, code });
    return map;
  }

  /** The symbols are others, or are elsewhere. */
  forget(): void {
    this.byAddress.clear();
  }

  private async ask(pc: number): Promise<CodeMap | undefined> {
    try {
      return CodeMap.parse(await this.gdb.console(`python kexec_jump_code_map(${pc})`));
    } catch (error) {
      if (!(error instanceof GdbCommandError) && !(error instanceof SyntaxError)) throw error;
      if (/not supported|is not defined/.test(error.message)) this.isAvailable = false;
      return undefined;
    }
  }

  private async readCode(map: CodeMap): Promise<KnownFunction['code']> {
    const code: KnownFunction['code'] = [];
    for (const { start, end } of map.spans()) {
      const bytes = await this.read(start, end - start + 1);
      if (bytes) code.push({ address: start, bytes });
    }
    return code;
  }

  private async isCurrent({ code }: KnownFunction): Promise<boolean> {
    for (const { address, bytes } of code) {
      const now = await this.read(address, bytes.length);
      if (!now?.equals(bytes)) return false;
    }
    return true;
  }
}
