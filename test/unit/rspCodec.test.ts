import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodePacket, PacketReader, type WireItem } from '../../debug-adapter/rsp/codec.ts';

const payload = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

describe('RSP codec', () => {
  it('reads back every payload, in whatever pieces it arrives', () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 9 })), (payloads, cuts) => {
        const wire = Buffer.from(payloads.map(encodePacket).join('+'), 'latin1');
        const reader = new PacketReader();
        const items: WireItem[] = [];
        for (let at = 0, cut = 0; at < wire.length; cut++) {
          const length = cuts[cut % Math.max(1, cuts.length)] ?? wire.length;
          items.push(...reader.push(wire.subarray(at, at + length)));
          at += length;
        }
        const packets = items.flatMap((item) => (item.kind === 'packet' ? [item.payload] : []));
        assert.deepEqual(packets, payloads);
      }),
    );
  });

  it('never throws on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        new PacketReader().push(Buffer.from(bytes));
      }),
    );
  });

  it('tells a broken checksum from a packet', () => {
    assert.deepEqual(new PacketReader().push(Buffer.from('$OK#00')), [{ kind: 'nack' }]);
  });

  it('expands runs as the manual shows them', () => {
    // "0* " is a 0 and three more: space is 32, less 29. Source: Debugging with GDB, E.1.
    const body = '0* ';
    const sum = Buffer.from(body).reduce((total, byte) => total + byte, 0) & 0xff;
    const wire = Buffer.from(`$${body}#${sum.toString(16).padStart(2, '0')}`);
    assert.deepEqual(new PacketReader().push(wire), [{ kind: 'packet', payload: '0000' }]);
  });

  it('hears an interrupt between packets', () => {
    assert.deepEqual(new PacketReader().push(Buffer.from('+\x03-')), [
      { kind: 'ack' },
      { kind: 'interrupt' },
      { kind: 'nack' },
    ]);
  });
});
