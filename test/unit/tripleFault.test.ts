import assert from 'node:assert/strict';
import type { ResetScene } from '../../debug-adapter/jump/resetScene.ts';
import { parseCpus, parseSystemRegisters, type SystemRegisters } from '../../debug-adapter/jump/systemRegisters.ts';
import { explainReset } from '../../debug-adapter/jump/tripleFault.ts';

/** As QEMU 7.2 prints it. */
const MONITOR = `EAX=00000000 EBX=c1988400
SS =0068 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
LDT=0000 00000000 00000000 00008200 DPL=0 LDT
TR =0080 ff803000 0000407b 00008b00 DPL=0 TSS32-busy
GDT=     00000000 00000000
IDT=     00000000 00000000
CR0=80050033 CR2=b7f0f000 CR3=01a40000 CR4=000006d0
`;

describe('triple fault', () => {
  it('reads the descriptor tables from the monitor', () => {
    assert.deepEqual(parseSystemRegisters(MONITOR), { gdt: { base: 0, limit: 0 }, idt: { base: 0, limit: 0 } });
    assert.deepEqual(parseSystemRegisters('GDT=     ff801000 000000ff\nIDT=     ff800000 000007ff')?.idt, {
      base: 0xff800000,
      limit: 0x7ff,
    });
    assert.equal(parseSystemRegisters('nothing'), undefined);
  });

  /** One CPU without paging. */
  const scene = (tables: SystemRegisters): ResetScene => ({
    cpus: [{ number: 0, pc: 0x1000, cr0: 0x11, cr3: 0, cr4: 0, ...tables }],
    rootTable: undefined,
    startCode: undefined,
  });
  const none = { base: 0, limit: 0 };
  it('names the segment that an empty GDT has no descriptor for', () => {
    const text = explainReset('mov    %eax,%ss', scene({ gdt: none, idt: none }));
    assert.match(text, /^Triple fault: "mov {4}%eax,%ss" loads %ss from an empty GDT \(limit 0\), and there is no IDT/);
  });

  it('says that a handler needs the GDT too', () => {
    const text = explainReset('mov    %eax,%ss', scene({ gdt: none, idt: { base: 0xff800000, limit: 0x7ff } }));
    assert.match(text, /from an empty GDT \(limit 0\), and no handler can be entered/);
  });

  it('does not blame the GDT for another instruction', () => {
    assert.match(
      explainReset('mov    (%eax),%ebx', scene({ gdt: none, idt: none })),
      /^Triple fault at "mov {4}\(%eax\),%ebx": it caused/,
    );
  });

  it('does not call a reboot a triple fault', () => {
    const idt = { base: 0xff800000, limit: 0x7ff };
    assert.match(
      explainReset('out    %al,$0x64', scene({ gdt: idt, idt })),
      /^The machine was reset at "out.*a reboot, or/,
    );
  });

  it('reads all CPUs from the monitor', () => {
    const cpu = (number: number, eip: string, code: string): string =>
      `\nCPU#${number}\n${MONITOR.replace(/(?<=\n)SS/, `EIP=${eip} EFL=00000002 [-------] CPL=0\nCS =0010 ${code} ffffffff 00cf9a00\nSS`)}`;
    const cpus = parseCpus(cpu(0, 'c1012345', '00000000') + cpu(1, '00000010', '0009d000'));
    assert.deepEqual(cpus[0], {
      number: 0,
      pc: 0xc1012345,
      cr0: 0x80050033,
      cr3: 0x1a40000,
      cr4: 0x6d0,
      gdt: none,
      idt: none,
    });
    assert.deepEqual([cpus.length, cpus[1]?.number, cpus[1]?.pc], [2, 1, 0x9d010]);
    assert.deepEqual(parseCpus('nothing'), []);
  });

  const paging = (cr4: number, entries: readonly number[]): ResetScene => {
    const rootTable = Buffer.alloc(32);
    entries.forEach((entry, index) => rootTable.writeUInt32LE(entry, 8 * index));
    const [cpu] = scene({ gdt: none, idt: none }).cpus;
    return { cpus: [{ ...cpu!, cr0: 0x80050033, cr3: 0x1a40000, cr4 }], rootTable, startCode: undefined };
  };
  it('knows page tables of three levels that are used as ones of two', () => {
    assert.match(
      explainReset('nop', paging(0, [0x1a41021, 0x1a42001, 0, 0x1a43021])),
      /^Triple fault: paging was switched on with CR4.PAE off \(CR4 is 0x0\), although CR3 \(0x1a40000\) has/,
    );
  });
  it('does not take others for them', () => {
    for (const given of [paging(0x20, [0x1a41001]), paging(0, [0x1a41063, 0x1a42067]), paging(0, [])]) {
      assert.match(explainReset('nop', given), /^Triple fault at "nop"/);
    }
  });

  const started = (goesTo: number, owner?: 'B'): ResetScene => {
    const [cpu] = scene({ gdt: { base: 0, limit: 0xff }, idt: { base: 0, limit: 0x7ff } }).cpus;
    const startCode = { kernel: 'A', at: 0x9d000, goesTo, wanted: 0x1000100, owner } as const;
    return { cpus: [cpu!, { ...cpu!, number: 1 }], rootTable: undefined, startCode };
  };
  it('knows that another CPU was started by the code of another kernel', () => {
    assert.match(
      explainReset('hlt', started(0x2000100, 'B')),
      /CPU 1 of kernel A was started at 0x9d000, where kernel B has put its own code over kernel A's: it goes on at 0x2000100/,
    );
    assert.match(explainReset('hlt', started(0x2000100)), /where another kernel has put/);
    assert.match(explainReset('hlt', started(0x1000100)), /a reboot, or a fault in a handler/);
  });
});
