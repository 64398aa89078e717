import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BreakpointTable, packetArguments, type Breakpoint } from '../../debug-adapter/rsp/breakpoints.ts';

const breakpoint = fc.record({
  kind: fc.constantFrom(0 as const, 1 as const, 2 as const),
  address: fc.constantFrom(0xc1000000, 0xc1000010, 0x15c8156),
  length: fc.constant(1),
});
const owner = fc.constantFrom('A', 'B', 'tracker');

describe('breakpoints of two kernels', () => {
  it('arms exactly what the live kernel and the tracker want, whatever came before', () => {
    const operation = fc.record({ insert: fc.boolean(), owner, breakpoint, live: fc.constantFrom('A', 'B') });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const table = new BreakpointTable();
        const wanted = new Map<string, Map<string, Breakpoint>>();
        const armed = new Set<string>();
        for (const { insert, owner: who, breakpoint: what, live } of operations) {
          const own = wanted.get(who) ?? new Map<string, Breakpoint>();
          wanted.set(who, own);
          if (insert) {
            table.insert(who, what);
            own.set(packetArguments(what), what);
          } else {
            table.remove(who, what);
            own.delete(packetArguments(what));
          }
          for (const change of table.changesFor([live, 'tracker'])) {
            if (change.packet.startsWith('Z')) {
              assert.ok(!armed.has(change.key), 'armed twice');
              armed.add(change.key);
            } else {
              assert.ok(armed.delete(change.key), 'disarmed though not armed');
            }
            table.acknowledge(change);
          }
          const expected = new Set([live, 'tracker'].flatMap((name) => [...(wanted.get(name)?.keys() ?? [])]));
          assert.deepEqual(armed, expected);
        }
      }),
    );
  });

  it('tells whose breakpoint is at an address', () => {
    const table = new BreakpointTable();
    table.insert('A', { kind: 0, address: 0xc1000000, length: 1 });
    table.insert('B', { kind: 2, address: 0xc1000000, length: 4 });
    assert.equal(table.has('A', 0xc1000000), true);
    assert.equal(table.has('B', 0xc1000000), false, 'a watchpoint is not one that stops before its instruction');
    assert.equal(table.isArmedAt(0xc1000000), false);
    for (const change of table.changesFor(['A'])) table.acknowledge(change);
    assert.equal(table.isArmedAt(0xc1000000), true);
  });
});
