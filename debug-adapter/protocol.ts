/**
 * What the debug adapter and its clients say to each other beyond the Debug Adapter Protocol, with the launch
 * configuration. The extension imports only this file from the adapter.
 */
import type { WindowSetting } from '../qemu-runner/window.ts';
import type { AuditReport } from '../vmcore-viewer/core/auditReport.ts';
import type { StageOutcome } from '../vmcore-viewer/core/auditStages.ts';
import type { AuditVerdict } from '../vmcore-viewer/core/auditVerdicts.ts';
import type { KernelName } from './jump/kernel.ts';
import type { HibernateWish } from './launchConfiguration.ts';
import type { PreflightReport, RuleOutcome } from './preflight/rule.ts';
import type { PhaseName } from './jump/phases.ts';
import type { TransferEvent } from './jump/transfers.ts';

export type { KernelName, PhaseName, PreflightReport, RuleOutcome, TransferEvent, WindowSetting };
export * from './launchConfiguration.ts';
export { broken, ruleInWords } from './preflight/rule.ts';
export { describeTransfer } from './jump/transfers.ts';
export { DEFAULT_STOPS, PHASES, PHASE_MEANING, nameKernels } from './jump/phases.ts';

/**
 * A step in the swap: one of the three copies of a page, a page, an entry of the list, up to the next indirection page, to
 * the end, a page back, to the start; to a page by its number in the list, or by one of its page frame numbers (from 0).
 */
export type SwapStep =
  | { kind: 'copy' | 'page' | 'entry' | 'indirection' | 'end' | 'pageBack' | 'start' }
  | { kind: 'toPage' | 'toPfn'; number: number };

/** A saved image. Counts are of pages. */
export interface HibernationReport {
  path: string;
  bytes: number;
  seconds: number;
  /** Physical re-entry point. */
  entry: number;
  /** Found in the image as they are in memory. */
  compared: number;
  leftOut: number;
}

/** The jump in numbers. Addresses and sizes are in bytes, physical where nothing else is said. */
export interface JumpDescription {
  /** Those that have begun, in their order. */
  phases: readonly LoggedPhase[];
  /** What comes next, in a sentence. */
  next: string;
  kernels: readonly {
    name: KernelName;
    standing: string;
    vmlinux: string;
    banner: string;
    /** Distance from where it is linked, once it is known. */
    offset?: number;
  }[];
  /** First and last byte of kernel B's memory. */
  window?: { min: number; max: number };
  /** The page list of kernel A's last departure: pairs that change places, pages that stay, pages and words of the list. */
  pageList?: { exchanges: number; selfPages: number; indirectionPages: number; entries: number };
  segments: readonly { address: number; size: number; loaded: number; kind: string }[];
  controlPages: readonly {
    kernel: KernelName;
    physical: number;
    virtual: number;
    reentry?: number;
    /** What the kernel left there. */
    slots: Readonly<Record<string, number>>;
  }[];
  /** The CPU, of a machine that stands still. */
  machine?: {
    eip: number;
    cr0: number;
    cr3: number;
    cr4: number;
    paging: boolean;
    /** Whose page tables CR3 names. */
    pageTables: string;
    gdt?: { base: number; limit: number };
    idt?: { base: number; limit: number };
  };
}

/** An exchange: source, destination and swap page, each with its content in base64. */
export interface ExchangeBody {
  /** From 0, in the order of the page list. */
  number: number;
  count: number;
  /** 0 to 3. */
  copiesDone: number;
  /** Physical address of its word in the page list. */
  entryAddress: number;
  pages: readonly { name: string; pfn: number; holds: string; bytes: string }[];
}

/** How far the exchanges of a page list are made: forward, or back on the way home. */
export interface SwapProgress {
  /** Exchanges from the first on that are made on this walk. */
  done: number;
  /** Copies of the next one that are made, 0 to 2, while a kernel stands in the swap. */
  copies?: number;
  /** The walk undoes what the one before has exchanged: those that are not done are still exchanged. */
  isReturn: boolean;
}

/** A picture of memory. Byte arrays are base64, a byte a page; numbers in them index the lists beside them. */
export interface PageMapBody {
  pageCount: number;
  kinds: readonly { name: string; description: string }[];
  classes: string;
  roleNames: readonly string[];
  roles: string;
  ownerNames: readonly string[];
  owners: string;
  /** Base64 of 32-bit numbers, little-endian: pfn of destination and source by turns, in the order of the page list. */
  exchanges: string;
  progress: SwapProgress;
  /** Named pieces: pfn of the first page, number of pages. */
  regions: readonly { name: string; first: number; count: number }[];
  /** Those that have begun, in their order. */
  phases: readonly LoggedPhase[];
}

/** A page list, word by word. */
export interface PageListBody {
  /** Base64 of 32-bit numbers, little-endian: physical address of a word and the word by turns, in the order they are read. */
  words: string;
}

/** How far a swap of pages has come, by what its pages hold; the machine may run. So many are done for certain. */
export interface SwapProgressBody extends SwapProgress {
  /** The kernel whose pages are exchanged. */
  kernel: KernelName;
  /** No more than so many are done: those between change nothing, or are being made. */
  atMost: number;
  count: number;
}

/** Requests beyond DAP: name, arguments, body of the response. */
export interface CustomRequests {
  /** Saves the machine under a name. */
  'kexecJump/saveSnapshot': { arguments: { name: string }; body: Record<string, never> };
  /** Brings the machine back to a snapshot, where it stops. */
  'kexecJump/loadSnapshot': { arguments: { name: string }; body: Record<string, never> };
  /** Global variables whose names contain a text, at most 200. */
  'kexecJump/findGlobals': { arguments: { text: string }; body: { names: string[] } };
  /** Shows a global variable in the scope Globals from now on. */
  'kexecJump/showGlobal': { arguments: { name: string }; body: Record<string, never> };
  /** Where the session can stop by itself, and whether it does. */
  'kexecJump/stops': { arguments: Record<string, never>; body: { stops: readonly StopOffer[] } };
  /** Switches one of them on or off. */
  'kexecJump/setStop': { arguments: { name: string; on: boolean }; body: Record<string, never> };
  /** An exchange of the page list by its number, else the one that is being made or comes next. */
  'kexecJump/exchange': { arguments: { number?: number }; body: ExchangeBody };
  /** The jump as it stands. */
  'kexecJump/describeJump': { arguments: Record<string, never>; body: JumpDescription };
  /** What each page of the machine's memory is, at this moment. The machine may run. */
  'kexecJump/pageMap': { arguments: Record<string, never>; body: PageMapBody };
  /**
   * The file that is the machine's memory, for what reads all of it by itself; `entry`: kernel A's re-entry point, physical,
   * while it is dormant.
   */
  'kexecJump/machineMemory': { arguments: Record<string, never>; body: { path: string; entry?: number } };
  /** How far the swap has come that is under way, if one is: takes a millisecond. */
  'kexecJump/swapProgress': { arguments: Record<string, never>; body: { swap?: SwapProgressBody } };
  /** The page list behind the exchanges of the page map. */
  'kexecJump/pageList': { arguments: Record<string, never>; body: PageListBody };
  /** What is known of a page frame. */
  'kexecJump/pageDetails': {
    arguments: { pfn: number };
    body: { rows: { label: string; value: string; page?: number }[] };
  };
  /** The page frame of a symbol of the live kernel, if it has one of that name. */
  'kexecJump/findPage': { arguments: { text: string }; body: { pfn?: number } };
  /** A step through the swap of pages, where a kernel stands in it. */
  'kexecJump/swapStep': { arguments: SwapStep; body: Record<string, never> };
  /** Switches the audit on or off from now on. */
  'kexecJump/setAudit': { arguments: { on: boolean }; body: Record<string, never> };
  /** The audit of the jumps so far, as far as they went. */
  'kexecJump/audit': { arguments: Record<string, never>; body: Audit };
  /**
   * What would break, by the files and by what the machine says now; `hibernate`: the save that is wished for. `text` is Markdown;
   * `asks`: what breaks waits for an "anyway".
   */
  'kexecJump/preflight': {
    arguments: { hibernate?: HibernateWish };
    body: { report: PreflightReport; text: string; asks: boolean };
  };
  /** Jumps, saves and resumes wait for no rule from now on. `began`: one that waited has begun. */
  'kexecJump/anyway': { arguments: Record<string, never>; body: { began: boolean } };
  /** Kernel A loads kernel B if it is not loaded, and jumps into it. Answered when the jump began. */
  'kexecJump/jump': { arguments: Record<string, never>; body: Record<string, never> };
  /** Kernel B jumps back into kernel A. Answered when the jump began. */
  'kexecJump/jumpBack': { arguments: Record<string, never>; body: Record<string, never> };
  /** Returns when the image is on this machine. `kexecJump/transfer` tells how far it is. */
  'kexecJump/hibernate': { arguments: HibernateWish; body: HibernationReport };
  /** Ends the saving that is under way; nothing is left of it. */
  'kexecJump/cancelHibernate': { arguments: Record<string, never>; body: Record<string, never> };
  /** Wakes the machine from suspend to RAM. */
  'kexecJump/wake': { arguments: Record<string, never>; body: Record<string, never> };
  /** Sends one request to the guest agent of the live kernel; `text` is its answer. */
  'kexecJump/agent': { arguments: { verb: string; argument?: string; seconds?: number }; body: { text: string } };
}

/** Events beyond DAP: name and body. */
export interface CustomEvents {
  /** A phase of the jump began. */
  'kexecJump/phase': PhaseEvent;
  /** A call of kernel_kexec() returned. */
  'kexecJump/call': KexecCallEvent;
  /** Where the consoles can be joined: unix sockets that first send what was printed so far. */
  /** @property peer whose console `B` is. */
  'kexecJump/consoles': { A: string; B: string; qemu: string; peer: 'B' | 'C' };
  /** A kernel met an exception: an oops, a panic, a triple fault, a watchdog. */
  'kexecJump/transfer': TransferEvent;
  'kexecJump/exception': ExceptionEvent;
  /** A part of a jump was audited: the swap, what the peer left alone, the return. */
  'kexecJump/audited': AuditEvent;
  /** The session begins, and rules of the preflight break for what it is to do; it waits for an "anyway" if it `asks`. */
  'kexecJump/preflight': { broken: readonly RuleOutcome[]; asks: boolean };
  /** What a user can do now changed. */
  'kexecJump/state': JumpState;
}

export interface PhaseEvent {
  phase: PhaseName;
  /** The kernel on the CPU. */
  kernel: KernelName;
  /** Seconds since the machine started, of its running time. */
  seconds: number;
}

/** A call that kernel_kexec() makes on its way to the jump or back from it. Times as of a phase. */
export interface KexecCallEvent {
  kernel: KernelName;
  function: string;
  began: number;
  returned?: number;
  /** What it returned, if it failed: a negative error number. */
  error?: number;
}

/** A phase that has begun, and the calls of kernel_kexec() in it. */
export interface LoggedPhase extends PhaseEvent {
  calls: readonly KexecCallEvent[];
}

/** A place at which a session can stop by itself: a phase, or a call of kernel_kexec() in it. */
export interface StopOffer {
  /** As in `stopAt`. */
  name: string;
  meaning: string;
  isOn: boolean;
  calls: readonly (Omit<StopOffer, 'calls'> & { function: string })[];
}

/** All jumps that were audited, and a byte for each page frame. */
export interface Audit {
  /** Each departure of a kernel, in their order; the last one of a kernel may be under way. */
  jumps: AuditReport[];
  /** Pages that are not as they should be, of all jumps and stages. */
  violations: number;
  text: string;
  layer: {
    /** What the bytes mean: a byte is a place in this list. The worst verdict of a page comes last. */
    verdicts: AuditVerdict[];
    /**
     * One for each page frame, in base64: of the page that is in it while the kernel runs that has the whole machine. The
     * worst of each kernel's last jump.
     */
    bytes: string;
  };
}

export interface AuditEvent {
  /** Which jump it is, from 1, and the kernel that left or came back. */
  jump: number;
  kernel: string;
  /** What was judged now, or could not be. */
  stages: StageOutcome[];
  /** Pages that are not as they should be, at these stages. */
  violations: number;
  /** How long it took to hash the machine's memory, and to look at its pages where the jump begins. */
  milliseconds: number;
  /** The outcome in a sentence. */
  line: string;
}

export interface ExceptionEvent {
  kernel: KernelName;
  text: string;
  /** The line that it happened at, 1-based. */
  source?: { path: string; line: number };
}

export interface JumpState {
  live: KernelName;
  phase: PhaseName | '';
  running: boolean;
  /** Suspended to RAM: nothing is executed until it is woken. */
  asleep: boolean;
  /** Who is in kernel B's place: C resumes kernel A from a saved image. */
  peer: 'B' | 'C';
  /** Kernel A's agent answers, so "Kexec Jump" makes sense. */
  canJump: boolean;
  /** Kernel B's agent answers, so "Kexec Jump Back" makes sense. */
  canJumpBack: boolean;
}
