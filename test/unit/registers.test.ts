import assert from 'node:assert/strict';
import { RegisterLayout } from '../../debug-adapter/rsp/registers.ts';

describe('register layout', () => {
  it('skips registers inside comments, as QEMU has them', () => {
    const layout = RegisterLayout.parse(`<feature name="org.gnu.gdb.i386.core">
      <reg name="eax" bitsize="32" type="int32" regnum="0"/>
      <!-- <reg name="ghost" bitsize="32"/>
           <reg name="spectre" bitsize="64"/> -->
      <reg name="st0" bitsize="80" type="i387_ext"/>
      <reg name="cr3" bitsize="32" type="int"/></feature>`);
    assert.equal(layout.size, 18);
    const registers = Buffer.alloc(layout.size);
    layout.set(registers, 'cr3', 0x81a40000);
    assert.equal(registers.readUInt32LE(14), 0x81a40000);
    assert.equal(layout.get(registers, 'cr3'), 0x81a40000);
    assert.throws(() => layout.get(registers, 'ghost'), /no register ghost/);
  });
});
