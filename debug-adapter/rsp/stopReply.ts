/** Stop replies as a kernel's gdb gets them. Source: "Debugging with GDB", appendix E.3, Stop Reply Packets. */
import type { RegisterLayout } from './registers.ts';

/** The name of a CPU, as a kernel's gdb knows it: its threads are numbered from 1 on. */
export const threadName = (cpu: number): string => (cpu + 1).toString(16).padStart(2, '0');

/** "Went dormant": SIGSTOP. */
export const dormantReply = (cpu: number): string => `T11thread:${threadName(cpu)};`;
/** "Interrupted": SIGINT. */
export const interruptReply = (cpu: number): string => `T02thread:${threadName(cpu)};`;

/** "A run came to its end": SIGUSR1. */
export const END_OF_RUN_REPLY = 'T1ethread:01;';

/** GDB's numbers of signals, as QEMU's gdbstub uses them. */
export const SIGNAL = { interrupt: 2, reset: 3, trap: 5 } as const;

/** The signal of a stop reply. */
export const signalOf = (packet: string): number => parseInt(packet.slice(1, 3), 16);

/** The address of a watchpoint that was hit, as it was set. */
export function watchedAddress(packet: string): number | undefined {
  const [, address] = /watch:([0-9a-f]+);/.exec(packet) ?? [];
  return address === undefined ? undefined : parseInt(address, 16);
}

/** The name of the CPU that stopped, as QEMU has it. */
export const threadInReply = (packet: string): string | undefined => /thread:([^;]*);/.exec(packet)?.[1];

/**
 * A stop reply with the registers in it, so that gdb need not ask for them, and with gdb's name of the CPU; without a thread
 * gdb would not take the registers.
 */
export function withRegisters(packet: string, layout: RegisterLayout, cpu: number, registers: Buffer): string {
  return packet.replace(/thread:[^;]*;/, `thread:${threadName(cpu)};`) + layout.expedited(registers);
}
