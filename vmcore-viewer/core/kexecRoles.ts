/** What kexec has each page for, by the page list of a jump. */
import type { PageList } from './pageList.ts';
import { PAGE_SIZE } from './physicalMemory.ts';

/** A role's number is its place here; 0 is nothing. */
export const KEXEC_ROLES = ['none', 'control', 'swap', 'indirection', 'source', 'destination', 'self'] as const;
type KexecRole = (typeof KEXEC_ROLES)[number];
const ROLE = Object.fromEntries(KEXEC_ROLES.map((name, number) => [name, number])) as Record<KexecRole, number>;

/** Physical addresses of pages. */
export interface JumpWorkplace {
  list: PageList;
  controlPage?: number | undefined;
  swapPage?: number | undefined;
}

/** @returns an index into `KEXEC_ROLES` for each pfn; all are nothing without a jump. */
export function kexecRoles(pageCount: number, jump: JumpWorkplace | undefined): Uint8Array {
  const roles = new Uint8Array(pageCount);
  if (!jump) return roles;
  const { list, controlPage, swapPage } = jump;
  for (const { destination, source } of list.exchanges) {
    roles[source / PAGE_SIZE] = destination === source ? ROLE.self : ROLE.source;
    if (destination !== source) roles[destination / PAGE_SIZE] = ROLE.destination;
  }
  for (const page of list.indirectionPages) roles[page / PAGE_SIZE] = ROLE.indirection;
  if (controlPage !== undefined) roles[controlPage / PAGE_SIZE] = ROLE.control;
  if (swapPage !== undefined) roles[swapPage / PAGE_SIZE] = ROLE.swap;
  return roles;
}

/** Whether a page of this role is what the jump itself works with, and no kernel's. */
export function isWorkplace(role: number): boolean {
  return role === ROLE.control || role === ROLE.swap || role === ROLE.indirection;
}
