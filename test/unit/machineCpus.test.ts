/** The CPUs of a machine, by what its kernels have. */
import assert from 'node:assert/strict';
import { cpusFor } from '../../debug-adapter/machineCpus.ts';
import type { KernelSymbol } from '../../vmcore-viewer/core/kernelFile.ts';

const kernelWith = (...names: string[]): { symbol: (name: string) => KernelSymbol | undefined } => ({
  symbol: (name) => (names.includes(name) ? { name, address: 0xc1000000, size: 1 } : undefined),
});

describe('the CPUs of a machine', () => {
  it('are what one of its kernels needs', () => {
    const plain = kernelWith('start_kernel');
    assert.deepEqual(cpusFor([plain, plain]), { cpus: 1, cpu: undefined });
    assert.deepEqual(cpusFor([plain, kernelWith('smp_call_function_many')]), { cpus: 2, cpu: undefined });
    assert.deepEqual(cpusFor([kernelWith('pud_populate'), plain]), { cpus: 1, cpu: 'qemu32,+pse36' });
  });
});
