import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseQmpLine, QmpClient } from '../../qemu-runner/qmp.ts';

const GREETING = '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}';

describe('QMP', () => {
  it('tells the messages of a real session apart', () => {
    const lines = [
      GREETING,
      '{"return": {}, "id": 1}',
      '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}',
      '{"id": 2, "error": {"class": "CommandNotFound", "desc": "The command nope has not been found"}}',
      '{"return": {"status": "shutdown", "running": false}, "id": 3}',
    ];
    assert.deepEqual(lines.map(parseQmpLine), [
      { kind: 'greeting' },
      { kind: 'answer', id: 1, value: {} },
      { kind: 'event', name: 'SHUTDOWN', data: { guest: true, reason: 'guest-reset' } },
      { kind: 'error', id: 2, description: 'The command nope has not been found' },
      { kind: 'answer', id: 3, value: { status: 'shutdown', running: false } },
    ]);
  });

  it('never throws on any line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        parseQmpLine(line);
      }),
    );
  });

  describe('client', () => {
    let folder: string;
    let server: Server;
    let peer: Socket;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'qmp-test-'));
      server = createServer((socket) => {
        peer = socket;
        socket.write(GREETING + '\n');
        socket.once('data', (bytes) => {
          const { id } = JSON.parse(bytes.toString()) as { id: number };
          socket.write(`{"return": {}, "id": ${id}}\n`);
        });
      });
      await new Promise<void>((resolve) => server.listen(join(folder, 'qmp'), resolve));
    });

    afterEach(() => {
      server.close();
      rmSync(folder, { recursive: true });
    });

    it('matches answers to commands by id, in any order', async () => {
      const client = await QmpClient.connect(join(folder, 'qmp'));
      const first = client.command('one');
      const second = client.command('two');
      peer.write('{"return": "of two", "id": 3}\n{"return": "of one", "id": 2}\n');
      assert.deepEqual(await Promise.all([first, second]), ['of one', 'of two']);
      client.close();
    });

    it('gives up on a command that is never answered, and says which', async () => {
      const client = await QmpClient.connect(join(folder, 'qmp'));
      await assert.rejects(client.command('query-status', {}, 0.05), /did not answer the command query-status/);
      client.close();
    });

    it('fails what waits when the connection breaks', async () => {
      const client = await QmpClient.connect(join(folder, 'qmp'));
      const answer = client.command('quit');
      const lost = new Promise((resolve) => client.once('lost', resolve));
      peer.destroy();
      await assert.rejects(answer, /connection to QEMU broke/);
      await lost;
      await assert.rejects(client.command('quit'), /it was closed before/);
    });
  });
});
