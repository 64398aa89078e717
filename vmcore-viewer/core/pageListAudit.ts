/**
 * Judges whether a page list can be right, before anything is exchanged.
 * Source: kernel/kexec_core.c (kimage_load_normal_segment, kimage_alloc_page, kimage_alloc_pages).
 */
import type { AuditFindings } from './auditFindings.ts';
import type { AuditVerdictName } from './auditVerdicts.ts';
import { PART, type JumpPages } from './jumpPages.ts';
import { PAGE_SIZE } from './physicalMemory.ts';

/**
 * Each page of a segment is a destination once, no other page is, each source serves once, and what swap_pages works with
 * takes no part. What the departure does not know is not judged.
 */
export function auditPageList(pages: JumpPages, findings: AuditFindings): void {
  const { list, segments, isKexecs } = pages.departure;
  const faults = new Map<number, AuditVerdictName>();
  const destinations = new Set<number>();
  const sources = new Set<number>();
  const inSegments = new Set<number>();
  for (const { address, size } of segments ?? []) {
    const end = Math.ceil((address + size) / PAGE_SIZE);
    for (let pfn = Math.floor(address / PAGE_SIZE); pfn < end; pfn++) inSegments.add(pfn);
  }
  for (const { destination, source } of list.exchanges) {
    const [to, from] = [destination / PAGE_SIZE, source / PAGE_SIZE];
    if (destinations.has(to)) faults.set(to, 'destinationTwice');
    else if (segments && !inSegments.has(to)) faults.set(to, 'outsideSegments');
    if (sources.has(from)) faults.set(from, 'sourceTwice');
    else if (from < pages.count && isKexecs?.(from) === false) faults.set(from, 'notKexecs');
    destinations.add(to);
    sources.add(from);
  }
  for (const pfn of inSegments) if (!destinations.has(pfn)) faults.set(pfn, 'notCovered');
  for (const pfn of [...destinations, ...sources]) {
    if (pfn >= pages.count) faults.set(pfn, 'outsideMemory');
    else if (pages.has(pfn, PART.indirection | PART.control | PART.swap)) faults.set(pfn, 'exchangesOwn');
  }
  for (const [pfn, verdict] of [...faults].sort(([one], [other]) => one - other)) findings.tell('list', pfn, verdict);
}
