/**
 * Numbers that a kernel uses in struct page. VMCOREINFO tells those that makedumpfile needs; for the others, and for all
 * names, a table of the kernel in question can be given. Between versions and configurations they differ.
 */

/** Numbers of one kernel. */
export interface PageFlagTable {
  /** Whose they are, for messages: "Linux 6.1". */
  kernel: string;
  /** Bit numbers in page.flags, by the kernel's names. */
  flags: Readonly<Record<string, number>>;
  /** page.page_type of such pages, by the kernel's names: signed, as it lies over _mapcount. */
  types: Readonly<Record<string, number>>;
}

/**
 * Linux 6.1 with CONFIG_MMU; flags behind PG_mlocked depend on the configuration and are left out.
 * Source: include/linux/page-flags.h, enum pageflags and PG_buddy…PG_guard.
 */
export const PAGE_FLAGS_OF_LINUX_6_1: PageFlagTable = {
  kernel: 'Linux 6.1',
  flags: {
    PG_locked: 0,
    PG_referenced: 1,
    PG_uptodate: 2,
    PG_dirty: 3,
    PG_lru: 4,
    PG_active: 5,
    PG_workingset: 6,
    PG_waiters: 7,
    PG_error: 8,
    PG_slab: 9,
    PG_owner_priv_1: 10,
    PG_arch_1: 11,
    PG_reserved: 12,
    PG_private: 13,
    PG_private_2: 14,
    PG_writeback: 15,
    PG_head: 16,
    PG_mappedtodisk: 17,
    PG_reclaim: 18,
    PG_swapbacked: 19,
    PG_unevictable: 20,
    PG_mlocked: 21,
  },
  // A page has one type, or none: each is one bit that is clear.
  types: { PG_buddy: ~0x80, PG_offline: ~0x100, PG_table: ~0x200, PG_guard: ~0x400 },
};

/**
 * Linux 6.12 with CONFIG_MMU; flags behind PG_mlocked depend on the configuration and are left out.
 * Source: include/linux/page-flags.h, enum pageflags and enum pagetype.
 */
export const PAGE_FLAGS_OF_LINUX_6_12: PageFlagTable = {
  kernel: 'Linux 6.12',
  flags: {
    PG_locked: 0,
    PG_writeback: 1,
    PG_referenced: 2,
    PG_uptodate: 3,
    PG_dirty: 4,
    PG_lru: 5,
    PG_head: 6,
    PG_waiters: 7,
    PG_active: 8,
    PG_workingset: 9,
    PG_owner_priv_1: 10,
    PG_owner_2: 11,
    PG_arch_1: 12,
    PG_reserved: 13,
    PG_private: 14,
    PG_private_2: 15,
    PG_reclaim: 16,
    PG_swapbacked: 17,
    PG_unevictable: 18,
    PG_mlocked: 19,
  },
  // The type is in the highest byte.
  types: {
    PG_buddy: 0xf0 << 24,
    PG_offline: 0xf1 << 24,
    PG_table: 0xf2 << 24,
    PG_guard: 0xf3 << 24,
    PG_hugetlb: 0xf4 << 24,
    PG_slab: 0xf5 << 24,
  },
};

/** The numbers of a kernel by its release, as `uname -r` says it, if we know them. */
export function pageFlagsOf(release: string | undefined): PageFlagTable | undefined {
  const [, version] = /^(\d+\.\d+)[.-]/.exec(release ?? '') ?? [];
  return [PAGE_FLAGS_OF_LINUX_6_1, PAGE_FLAGS_OF_LINUX_6_12].find(({ kernel }) => kernel === `Linux ${version}`);
}
