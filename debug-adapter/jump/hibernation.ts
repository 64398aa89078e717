/** Hibernation: kernel B saves kernel A to the machine's disk for it, and a kernel C brings it back. */
import { on } from 'node:events';
import { isAbsolute } from 'node:path';
import { HIBERNATION_DISK, IMAGE_DISK } from '../../qemu-runner/qemuArguments.ts';
import { copySparse } from '../../qemu-runner/sparseCopy.ts';
import { parseFields } from '../../qemu-runner/agent.ts';
import type { Window } from '../../qemu-runner/window.ts';
import { hex } from '../../vmcore-viewer/core/errors.ts';
import { openImage } from '../../vmcore-viewer/core/images/open.ts';
import { auditSavedImage } from '../../vmcore-viewer/core/savedImageAudit.ts';
import {
  hibernationCancelled,
  imageDiffers,
  invalidConfiguration,
  noDiskForIt,
  notNow,
  sessionStopped,
} from '../errors.ts';
import {
  HIBERNATION_ENDS,
  HIBERNATION_LEVELS,
  type HibernateWish,
  type HibernationReport,
  type TransferEvent,
} from '../protocol.ts';
import { needsFirstC } from '../launchedMachine.ts';
import { answerLater, jump, jumpBack, machineOfOurs } from './commands.ts';
import type { JumpSession } from './session.ts';

/** Seconds without any progress in which a kernel must have saved or loaded another piece. */
const STALLED_SECONDS = 60;
/** Seconds of the guest's running time that kernel C may take to boot. */
const BOOT_SECONDS = 180;
/** An event more often would be of no use to anybody. */
const TELL_MS = 100;

/** Checks what a client wishes. @throws UserFacingError `invalid-configuration`. */
export function parseHibernateWish({ path, level, after }: Partial<HibernateWish>): HibernateWish {
  if (path === undefined || !isAbsolute(path)) throw invalidConfiguration('path', 'it is the absolute path of a file');
  const known = HIBERNATION_LEVELS.find((one) => one === level);
  if (known === undefined) throw invalidConfiguration('level', 'it is 0, 1, 16 or 17: kernel A needs all other pages');
  const end = HIBERNATION_ENDS.find((one) => one === after);
  if (end === undefined) throw invalidConfiguration('after', `it is one of ${HIBERNATION_ENDS.join(', ')}`);
  return { path, level: known, after: end };
}

/** The saving of a session; there is one at a time. */
export class Hibernation {
  private underWay: AbortController | undefined;

  constructor(private readonly session: JumpSession) {}

  /** Ends the saving that is under way; nothing is left of it. */
  cancel(): void {
    this.underWay?.abort(hibernationCancelled());
  }

  /**
   * Saves kernel A: jumps into kernel B if kernel A runs, lets it save, compares the image with memory, and copies it.
   * @throws UserFacingError when it is refused, fails or was cancelled; then there is no file.
   */
  async save(wish: HibernateWish): Promise<HibernationReport> {
    if (this.underWay) throw notNow('Kexec Hibernate', 'an image is being saved already', 'Wait for it, or cancel it.');
    const abort = new AbortController();
    this.underWay = abort;
    try {
      return await this.saveNow(wish, abort.signal);
    } catch (error) {
      abort.signal.throwIfAborted();
      throw error;
    } finally {
      this.underWay = undefined;
    }
  }

  private async saveNow(wish: HibernateWish, signal: AbortSignal): Promise<HibernationReport> {
    const { path, level, after } = wish;
    const { session } = this;
    machineOfOurs(session, 'Kexec Hibernate');
    session.preflight.require('Kexec Hibernate', ['jump', 'save'], wish);
    await this.untilKernelB(signal);
    if (after === 'suspend') await session.suspension.mustBePossible();
    const began = performance.now();
    const saved = await this.writeToDisk(level, signal);
    const bytes = Number(saved['bytes']);
    const disk = session.hibernationDisk!;
    const { compared, leftOut, different, notZero } = auditDisk(session, disk, level);
    if (different.length + notZero.length > 0) throw imageDiffers([...different, ...notZero]);
    const tellCopy = teller(session, 'copying');
    const onProgress = (done: number): void => {
      tellCopy(done, bytes);
    };
    await copySparse(disk, path, bytes, onProgress, signal);
    if (after === 'back') jumpBack(session);
    if (after === 'poweroff') await session.agent.request('poweroff');
    const seconds = (performance.now() - began) / 1000;
    if (after === 'suspend') {
      await session.suspension.begin(() => {
        jumpBack(session);
      });
    }
    return { path, bytes, seconds, entry: Number(saved['entry']), compared, leftOut };
  }

  /**
   * Kernel B runs its programs, whoever runs now. There is no time limit, since the user may hold the machine on the way.
   * @throws what went wrong on the way: the jump's failure, the end of the machine.
   */
  private async untilKernelB(signal: AbortSignal): Promise<void> {
    const { session } = this;
    if (session.live === 'A') await jump(session, true);
    const isKernelBUp = (): boolean => session.state.canJumpBack;
    if (isKernelBUp()) return;
    if (session.run.isStopped && session.live === 'B') {
      throw notNow('Kexec Hibernate', 'kernel B does not run its programs', 'Let it run first.');
    }
    const failed = new AbortController();
    const fail = (error = sessionStopped() as Error): void => {
      failed.abort(error);
    };
    session.once('problem', fail);
    session.once('ended', fail);
    const either = AbortSignal.any([signal, failed.signal]);
    try {
      const states = on(session, 'state', { signal: either });
      while (!isKernelBUp()) await states.next();
    } catch (error) {
      either.throwIfAborted();
      throw error;
    } finally {
      session.off('problem', fail);
      session.off('ended', fail);
    }
  }

  private async writeToDisk(level: number, signal: AbortSignal): Promise<Record<string, string>> {
    const { session } = this;
    const disk = await diskInGuest(session, HIBERNATION_DISK);
    const cancel = (): void => {
      session.agent.request('cancel').catch(() => undefined);
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const argument = `target=${disk} level=${level}`;
      return parseFields(await session.agent.request('save', argument, STALLED_SECONDS, teller(session, 'saving')));
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }
}

/** Kernel C loads the image, and jumps into kernel A. Returns when the jump was asked for. */
export async function resumeKernelA(session: JumpSession): Promise<void> {
  const machine = machineOfOurs(session, 'Kexec Resume');
  session.preflight.require('Kexec Resume', ['resume']);
  await session.agent.waitForHello('C', BOOT_SECONDS);
  if (needsFirstC(machine)) await moveIntoWindow(session, machine.window);
  const disk = await diskInGuest(session, IMAGE_DISK);
  const argument = `source=${disk} way=${machine.resumeBy}`;
  const how = await session.agent.request('resume', argument, STALLED_SECONDS, teller(session, 'loading'));
  session.emit('note', `Kernel C has loaded the image: ${how}`);
  session.on('phase', function greet({ phase }) {
    if (phase !== 'A running') return;
    session.off('phase', greet);
    // Its agent has said hello long ago.
    answerLater(session, session.agent.request('status'));
  });
  answerLater(session, session.agent.request('jump', '', Infinity));
}

/** The kernel C that was booted (C1) has all of memory: it loads one into the window, and jumps there for good. */
async function moveIntoWindow(session: JumpSession, { min, max }: Window): Promise<void> {
  const { agent } = session;
  const window = `${hex(min)}-${hex(max)}`;
  session.emit('note', `The first kernel C has all of memory. It loads another one into the window ${window}.`);
  // Purgatory need not look for damage in what has just been loaded.
  await agent.request('load', `min=${hex(min)} max=${hex(max)} checks=no`);
  agent.forget('C');
  await Promise.race([agent.waitForHello('C', BOOT_SECONDS), failureOf(agent.request('jump', '', Infinity))]);
  session.emit('note', `This kernel C lives in the window: kernel A's pages can be written straight to their places.`);
}

/** Of a request that is answered only if it fails. */
async function failureOf(request: Promise<string>): Promise<never> {
  await request;
  return new Promise(() => undefined);
}

function auditDisk(session: JumpSession, path: string, level: number): ReturnType<typeof auditSavedImage> {
  const image = openImage([path]);
  try {
    return auditSavedImage(image, session.router.ram, level);
  } finally {
    image.close();
  }
}

/** The device that a disk of ours is in the guest: the user may have others. */
async function diskInGuest(session: JumpSession, name: string): Promise<string> {
  const { output = '' } = parseFields(await session.agent.request('run', `grep -lx ${name} /sys/block/*/serial`));
  const [, device] = /^\/sys\/block\/(\w+)\/serial$/m.exec(Buffer.from(output, 'base64').toString()) ?? [];
  if (device === undefined) throw noDiskForIt(name);
  return `/dev/${device}`;
}

/** Tells how far it is, ten times a second and at the end. */
function teller(session: JumpSession, what: TransferEvent['what']): (bytes: number, total: number) => void {
  const began = performance.now();
  let told = 0;
  return (bytes, total) => {
    const now = performance.now();
    if (now - told < TELL_MS && bytes < total) return;
    told = now;
    session.emit('transfer', { what, bytes, total, seconds: (now - began) / 1000 });
  };
}
