/** The explorer's real thread and a large file: what takes long tells how far it is, and is ended when nobody waits for it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { Cancelled } from '../../vmcore-viewer/core/watch.ts';
import { ExplorerClient } from '../../vmcore-viewer/explorer/client.ts';
import { writeRepeatingElf } from './imageFiles.ts';

/** So much that reading it takes minutes. Of a file with larger holes it would be asked where they are. */
const LARGE = { loads: 250, length: 960 << 20 };
const WORKER = join(import.meta.dirname, '..', '..', 'vmcore-viewer', 'explorer', 'worker.ts');

describe('the thread of the explorer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-thread-'));
  const [large, small] = [join(folder, 'large.core'), join(folder, 'small.ram')];
  let client: ExplorerClient;
  before(() => {
    const headers = writeRepeatingElf(LARGE.loads, LARGE.length);
    writeFileSync(large, headers);
    truncateSync(large, headers.length + LARGE.length);
    writeFileSync(small, Buffer.from('Kernel panic - not syncing'));
    truncateSync(small, 1 << 20);
    const program = join(folder, 'explorer.cjs');
    buildSync({ entryPoints: [WORKER], outfile: program, bundle: true, platform: 'node', format: 'cjs' });
    client = new ExplorerClient(program);
  });
  after(() => {
    client.dispose();
    rmSync(folder, { recursive: true });
  });

  it('opens, searches, and says why it does not', async () => {
    await client.request('open', { paths: [small] });
    const { bytes, matches, text } = await client.request('search', { kind: 'text', text: 'not syncing' });
    assert.equal(matches, 1);
    assert.equal(bytes[0], 1);
    assert.match(text, /^1 match in 1 page\.\n\n.*\n +0xf .*Kernel panic - not syncing/m);
    await assert.rejects(client.request('checkSearch', { kind: 'bytes', text: 'dea' }), /not made of whole bytes/);
    await assert.rejects(client.request('checkSearch', { kind: 'text', text: '' }), /Type what to look for/);
    await assert.rejects(
      client.request('checkSearch', { kind: 'pointer', text: '0x100000000' }),
      /no value of 4 bytes/,
    );
    await client.request('checkSearch', { kind: 'bytes', text: '0xdead be ef' });
    await assert.rejects(client.request('checkEntry', { entry: 0x10d7 }), /no re-entry point of a kernel/);
  });

  it('gives up in the middle of opening a file, and what was open stays so', async () => {
    const abort = new AbortController();
    const heard: string[] = [];
    const opening = client.request(
      'open',
      { paths: [large] },
      {
        signal: abort.signal,
        progress: (doing, fraction) => {
          heard.push(doing);
          assert.ok(fraction >= 0 && fraction < 0.9, `${doing}: ${fraction}`);
          abort.abort();
        },
      },
    );
    await assert.rejects(opening, Cancelled);
    assert.equal(heard[0], 'Looking for re-entry points');
    const { facts } = await client.request('summary', {});
    assert.ok(
      facts.some(({ value }) => value.startsWith('1 MiB')),
      JSON.stringify(facts),
    );
  });

  it('does not begin what nobody waits for any more', async () => {
    await assert.rejects(
      client.request('search', { kind: 'text', text: 'panic' }, { signal: AbortSignal.abort() }),
      Cancelled,
    );
    assert.equal((await client.request('search', { kind: 'textInAnyCase', text: 'KERNEL' })).matches, 1);
  });
});
