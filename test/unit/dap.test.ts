import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DapClient } from '../../debug-adapter/cli/dapClient.ts';
import { assertGolden } from './golden.ts';

const ADAPTER = join(import.meta.dirname, '..', '..', 'debug-adapter', 'main.ts');

describe('debug adapter without a machine', () => {
  let client: DapClient;
  beforeEach(() => {
    client = DapClient.start({ program: process.execPath, args: ['--import', 'tsx', ADAPTER] });
  });
  afterEach(async () => client.stop());

  it('says what it can do', async () => {
    const capabilities = await client.request('initialize', { adapterID: 'kexec-jump', pathFormat: 'path' });
    assertGolden('capabilities.json', JSON.stringify(capabilities, undefined, 2));
  }).timeout(20_000);

  it('answers every request before the launch with a sentence', async () => {
    await client.request('initialize', { adapterID: 'kexec-jump', pathFormat: 'path' });
    assert.deepEqual(await client.request('threads'), { threads: [] });
    for (const command of ['stackTrace', 'continue', 'pause', 'scopes', 'kexecJump/jump']) {
      await assert.rejects(client.request(command, {}), /There is no machine yet. Wait until the session has started/);
    }
  }).timeout(20_000);

  it('goes when its client disconnects', async () => {
    await client.request('initialize', { adapterID: 'kexec-jump', pathFormat: 'path' });
    await client.request('disconnect');
    await client.exited;
  }).timeout(20_000);

  it('goes when its client goes', async () => {
    await client.request('initialize', { adapterID: 'kexec-jump', pathFormat: 'path' });
    await client.stop();
    await client.exited;
  }).timeout(20_000);
});
