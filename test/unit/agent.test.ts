import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GuestAgent, parseAgentLine, parseFields } from '../../qemu-runner/agent.ts';
import { Console } from '../../qemu-runner/consoles.ts';

describe('guest agent protocol', () => {
  it('reads greetings and answers', () => {
    assert.deepEqual(parseAgentLine('hello B 6.1.0 entry=0x15c80d7'), {
      kind: 'hello',
      kernel: 'B',
      text: '6.1.0 entry=0x15c80d7',
    });
    assert.deepEqual(parseAgentLine('12 error A no image'), {
      kind: 'answer',
      id: 12,
      ok: false,
      kernel: 'A',
      text: 'no image',
    });
    assert.deepEqual(parseFields('role=A loaded=1 entry=-'), { role: 'A', loaded: '1', entry: '-' });
  });

  it('takes nothing else for a line of its own', () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        const parsed = parseAgentLine(line);
        assert.ok(parsed === undefined || /^(hello [A-Z]|\d{1,9} (ok|error|progress) [A-Z])( |$)/.test(line));
      }),
    );
  });

  it('matches answers that come in pieces and out of order, among other output', async () => {
    const sent: string[] = [];
    const channel = new Console((text) => sent.push(text.toString()));
    const agent = new GuestAgent(channel, { consoleTail: () => '', isRunning: () => true }, 1);
    const status = agent.request('status');
    const jump = agent.request('jump', '', Infinity);
    assert.deepEqual(sent, ['1 status\n', '2 jump\n']);
    channel.receive(Buffer.from('noise\r\n2 ok A ret'));
    channel.receive(Buffer.from('urned\r\n1 ok A role=A\n'));
    assert.equal(await status, 'role=A');
    assert.equal(await jump, 'returned');
    agent.close(new Error('over'));
  });

  it("counts only the guest's running time against a limit, and shows the console", async () => {
    let running = false;
    const agent = new GuestAgent(new Console(() => undefined), {
      consoleTail: () => 'Kernel panic - not syncing: VFS',
      isRunning: () => running,
    });
    let settled = false;
    const answer = agent.request('status', '', 0.1).finally(() => (settled = true));
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(settled, false);
    running = true;
    await assert.rejects(answer, (error: Error & { evidence?: string }) => {
      assert.match(error.message, /did not answer "status"/);
      return error.evidence === 'Kernel panic - not syncing: VFS';
    });
  });

  it('tells of progress, and lets what gets further take its time', async () => {
    const channel = new Console(() => undefined);
    const agent = new GuestAgent(channel, { consoleTail: () => '', isRunning: () => true }, 7);
    const seen: [number, number][] = [];
    const save = agent.request('save', 'target=/dev/vda', 0.3, (bytes, total) => seen.push([bytes, total]));
    for (const bytes of [10, 20, 30, 40]) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      channel.receive(Buffer.from(`7 progress B ${bytes} 40\r\n8 progress B 1 2\n7 progress B x 40\n`));
    }
    channel.receive(Buffer.from('7 ok B bytes=40\n'));
    assert.equal(await save, 'bytes=40');
    assert.deepEqual(seen, [
      [10, 40],
      [20, 40],
      [30, 40],
      [40, 40],
    ]);
    const silent = agent.request('save', 'target=/dev/vda', 0.2);
    channel.receive(Buffer.from('8 progress B 1 2\n'));
    await assert.rejects(silent, /did not answer "save"/);
  });

  it('does not take the answer of a kernel that was resumed for one of its own', () => {
    const ids = new Set<string>();
    for (let session = 0; session < 20; session++) {
      const agent = new GuestAgent(new Console((text) => ids.add(text.toString())), {
        consoleTail: () => '',
        isRunning: () => true,
      });
      agent.request('status').catch(() => undefined);
      agent.close(new Error('over'));
    }
    assert.equal(ids.size, 20);
  });

  it('says what it means when kernel B cannot load what it jumps back by', async () => {
    const channel = new Console(() => undefined);
    const agent = new GuestAgent(channel, { consoleTail: () => '', isRunning: () => true }, 7);
    const back = agent.request('back');
    channel.receive(Buffer.from('7 error B load jump back kernel failed: Cannot allocate memory\n'));
    await assert.rejects(back, {
      message: /Cannot allocate memory/,
      action: /the empty segment of a jump back as all of memory/,
    });
  });

  it('gives up on everything when the session ends', async () => {
    const agent = new GuestAgent(new Console(() => undefined), { consoleTail: () => '', isRunning: () => true });
    const answer = agent.request('jump', '', Infinity);
    const hello = agent.waitForHello('A', 60);
    agent.close(new Error('over'));
    await assert.rejects(answer, /over/);
    await assert.rejects(hello, /over/);
  });
});
