import assert from 'node:assert/strict';
import { explainReset, parseSystemRegisters } from '../../debug-adapter/jump/tripleFault.ts';

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

  const none = { base: 0, limit: 0 };
  it('names the segment that an empty GDT has no descriptor for', () => {
    const text = explainReset('mov    %eax,%ss', { gdt: none, idt: none });
    assert.match(text, /^Triple fault: "mov {4}%eax,%ss" loads %ss from an empty GDT \(limit 0\), and there is no IDT/);
  });

  it('says that a handler needs the GDT too', () => {
    const text = explainReset('mov    %eax,%ss', { gdt: none, idt: { base: 0xff800000, limit: 0x7ff } });
    assert.match(text, /from an empty GDT \(limit 0\), and no handler can be entered/);
  });

  it('does not blame the GDT for another instruction', () => {
    assert.match(
      explainReset('mov    (%eax),%ebx', { gdt: none, idt: none }),
      /^Triple fault at "mov {4}\(%eax\),%ebx": it caused/,
    );
  });

  it('does not call a reboot a triple fault', () => {
    const idt = { base: 0xff800000, limit: 0x7ff };
    assert.match(explainReset('out    %al,$0x64', { gdt: idt, idt }), /^The machine was reset at "out.*a reboot, or/);
  });
});
