/** Which CPUs are the live kernel's, in a machine whose jump was not followed: the kernel itself has them in a mask. */
import type { Router } from '../rsp/router.ts';
import type { Kernel, KernelName } from './kernel.ts';

/** Source: kernel/cpu.c; one bit a CPU. A kernel for one CPU has it too, and needs none. */
const MASK = '__cpu_online_mask';

/** Gives the live kernel the CPUs that it has online. How another kernel has left them is not known. The machine is stopped. */
export async function claimOnlineCpus(router: Router, kernels: Readonly<Record<KernelName, Kernel>>): Promise<void> {
  const kernel = kernels[router.live as KernelName];
  if (router.cpuCount === 1 || !kernel.file.symbol(MASK)) return;
  const mask = (await router.read(kernel.address(MASK), 4))?.readUInt32LE(0) ?? 0;
  for (let cpu = 0; cpu < router.cpuCount; cpu++) if ((mask >>> cpu) & 1) router.views.claim(cpu);
}
