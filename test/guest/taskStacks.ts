/** What a task's stack in the kernel is. */

/** At its lowest address. Source: include/uapi/linux/magic.h; kernel/fork.c, set_task_stack_end_magic(). */
export const STACK_END_MAGIC = 0x57ac6e9d;

/** Source: arch/x86/include/asm/page_32_types.h and page_64_types.h, THREAD_SIZE_ORDER. */
export const PAGES_OF_A_STACK = { i386: 2, x86_64: 4 } as const;
