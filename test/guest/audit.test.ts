/** The audit of jumps: nothing to say of clean ones, in both directions; what was not judged is said; its exit statuses. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { runAudit } from '../../debug-adapter/cli/audit.ts';
import { DapClient } from '../../debug-adapter/cli/dapClient.ts';
import { Timeline } from '../../debug-adapter/cli/timeline.ts';
import type { AuditReport } from '../../vmcore-viewer/core/auditReport.ts';
import { AuditedGuest } from './auditedGuest.ts';
import { Debuggee } from './debuggee.ts';

const DIST = join(import.meta.dirname, '..', '..', 'dist');

const statuses = ({ stages }: AuditReport): string[] => stages.map(({ status }) => status);
const [judged, later, never] = ['judged', 'notReached', 'notJudged'];

describe('the audit', () => {
  after(async () => Debuggee.endAll());

  for (const window of ['high', 'low'] as const) {
    it(`has nothing to say of three clean round trips, in both directions, ${window} window`, async () => {
      const guest = await AuditedGuest.launch({ window });
      for (let trip = 1; trip <= 3; trip++) await guest.thereAndBack();
      const audit = await guest.audit();
      assert.equal(audit.violations, 0, audit.text);
      assert.deepEqual(
        audit.jumps.map(({ jump, kernel, isComplete }) => [jump, kernel, isComplete]),
        Array.from({ length: 6 }, (_, index) => [index + 1, index % 2 === 0 ? 'A' : 'B', index < 5]),
      );
      const last = audit.jumps[4]!;
      const layer = Buffer.from(audit.layer.bytes, 'base64');
      assert.equal(layer.length, last.pages);
      const exchanged = layer.filter((verdict) => audit.layer.verdicts[verdict]!.name === 'exact').length;
      // Kernel B's control page, which it has written to, waits in one of them.
      assert.ok([0, 1].includes(2 * (last.exchanges - last.selfPages) - exchanged), `${exchanged} are exact`);
      for (const { kernel, remarks, exchanges, findings } of audit.jumps) {
        assert.match(remarks.join('; '), new RegExp(`^Kernel ${kernel}: Linux version 6\\.[^;]*$`));
        assert.equal(exchanges > 0, kernel === 'A');
        for (const { owner, why } of findings)
          assert.ok(/^kexec: |^memory below 640 KiB$/.test(owner) && why, audit.text);
      }
      assert.deepEqual(statuses(audit.jumps[5]!), [judged, judged, later, later, later]);
      await guest.end();
    });
  }

  it('can be switched on later, and goes back in time with the jump', async () => {
    const guest = await AuditedGuest.launch({ audit: false, stopAt: ['swapping pages'] });
    const { client } = guest.debuggee;
    await assert.rejects(guest.audit(), /No jump was audited yet/);
    await client.request('kexecJump/setAudit', { on: true });
    await guest.jump();
    await guest.debuggee.stop();
    for (const step of [{ kind: 'toPage', number: 7000 }, { kind: 'pageBack' }, { kind: 'start' }, { kind: 'page' }]) {
      await client.request('kexecJump/swapStep', step);
      await guest.debuggee.stop();
    }
    await guest.proceed('A');
    await guest.jumpBack();
    // Kernel B's own swap, which exchanges nothing.
    assert.equal((await guest.debuggee.stop()).threadId, 2);
    await guest.proceed('B');
    await guest.judged('A', 'return');
    const report = await guest.report('A');
    assert.equal(report.violations, 0, report.text);
    assert.ok(report.isComplete);
    await guest.end();
  });

  it('says what it could not judge: switched on in the middle of a jump, and off in another', async () => {
    const guest = await AuditedGuest.launch({ audit: false });
    const { client } = guest.debuggee;
    await guest.jump();
    await guest.debuggee.ready('canJumpBack');
    await client.request('kexecJump/setAudit', { on: true });
    await guest.jumpBack();
    const { line } = await guest.judged('A', 'absence');
    assert.match(
      line,
      /NOT JUDGED: whether kernel B left the pages of kernel A alone, as memory when kernel A left was/,
    );
    await guest.judged('A', 'return');
    const partial = await guest.report('A');
    assert.deepEqual(statuses(partial), [judged, never, never, judged, never]);
    assert.match(partial.stages[1]!.why!, /^memory before kernel A's swap was not seen: the audit was off then$/);
    assert.equal(partial.violations, 0, partial.text);

    await guest.debuggee.ready('canJump');
    await guest.jump();
    await guest.debuggee.ready('canJumpBack');
    await client.request('kexecJump/setAudit', { on: false });
    const cut = await guest.report('A');
    assert.deepEqual(statuses(cut), [judged, judged, never, never, never]);
    assert.match(cut.text, /NOT JUDGED: memory when kernel B gave the CPU back .*: the audit was\s+switched off\./s);
    assert.ok((await guest.report('B')).isComplete, 'kernel B was back before');
    await guest.end();
  });

  it('says so where a snapshot leads into the middle of a jump that was not seen', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'audit-test-'));
    const environment = { KEXEC_JUMP_SNAPSHOTS: folder };
    const name = 'B runs';
    const guest = await AuditedGuest.launch({}, environment);
    await guest.jump();
    await guest.debuggee.ready('canJumpBack');
    await guest.debuggee.client.request('kexecJump/saveSnapshot', { name });
    await guest.end();

    const other = await AuditedGuest.begin({ snapshot: name }, environment);
    await other.debuggee.stop();
    await other.proceed('B');
    await other.jumpBack();
    await other.judged('A', 'return');
    const report = await other.report('A');
    assert.equal(report.violations, 0, report.text);
    assert.deepEqual(statuses(report), [judged, never, never, judged, never]);
    assert.match(report.stages[1]!.why!, /snapshot of another session/);
    await other.end();
    rmSync(folder, { recursive: true });
  });

  describe('from the command line', () => {
    const tool = (...args: string[]): SpawnSyncReturns<string> =>
      spawnSync(process.execPath, [join(DIST, 'cli.cjs'), 'audit', ...args], { encoding: 'utf8' });

    it('prints the report, and ends with status 0 when all is exact', () => {
      const { status, stdout, stderr } = tool('--memory', '128', '--window', 'low');
      assert.equal(status, 0, stderr);
      for (const outcome of ['2: kernel B into kernel A and back', '3: kernel A into kernel B and back']) {
        assert.match(stdout, new RegExp(`^ {2}${outcome}\\. No violation\\.$`, 'm'));
        assert.match(stdout, new RegExp(`^Audit of jump ${outcome}\\n\\nNo violation\\.\\nAll 32768 page frames`, 'm'));
      }
    });

    it('ends with status 3 when the machine fails', () => {
      const { status, stdout, stderr } = tool('--memory', '1');
      assert.equal(status, 3);
      assert.equal(stdout, '');
      assert.match(stderr, /launch configuration's "memory" cannot be used/);
    });

    it('ends with status 1 on a violation', async () => {
      const client = DapClient.start({ program: process.execPath, args: [join(DIST, 'adapter.cjs')] });
      let text = '';
      const status = await runAudit(
        client,
        new Timeline(new PassThrough() as unknown as NodeJS.WriteStream),
        { preflight: 'tell', kernelB: { append: 'memmap=64M@0x8000000' } },
        1,
        { onProgress: () => undefined, write: (written) => (text += written) },
      );
      await client.stop();
      assert.equal(status, 1);
      assert.match(text, /^VIOLATION: /m);
    });
  });
});
